//! Every example answer of Qlik's reference parses, also those that break their own schema.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panicking")]

use qlik_api::wire::error::ErrorBody;
use qlik_api::wire::groups::{Group, GroupSettings};
use qlik_api::wire::licenses::{ActionAnswer, Assignment, ConsumptionEvent, Overview, Settings, Status};
use qlik_api::wire::page::Page;

#[test]
fn assignments_with_a_type_of_false_and_a_missing_excess() {
    let page: Page<Assignment> = serde_json::from_str(
        r#"{"data":[{"type":"analyzer","excess":false,"created":"2020-12-03T09:24:48.114Z","subject":"qlik\\kalle"},
            {"type":false,"created":"2020-12-03T09:24:48.114Z","subject":"qlik\\nalle"},{}],
            "links":{"next":{"href":"http://license/v1/licenses/assignments?limit=4&page=bmV4dD%3D"},"prev":{}}}"#,
    )
    .unwrap();
    assert_eq!((page.data[1].allotment.as_str(), page.data[1].excess), ("", false));
    assert_eq!(page.links.next.unwrap().query(), Some("limit=4&page=bmV4dD%3D"));
    assert_eq!(page.links.prev.unwrap().query(), None);
}

#[test]
fn consumption_where_everything_is_optional() {
    let page: Page<ConsumptionEvent> = serde_json::from_str(
        r#"{"data":[{},{"id":"string","endTime":"string","duration":"string","minutesUsed":42,"capacityUsed":"7","licenseUsage":null}],"links":{"next":{"href":"string"}}}"#,
    )
    .unwrap();
    assert_eq!(page.data[0], ConsumptionEvent::default());
    assert_eq!((page.data[1].minutes_used, page.data[1].capacity_used), (Some(42), Some(7)));
    assert_eq!(page.links.next.unwrap().query(), None, "a link without a query leads nowhere");
}

#[test]
fn an_overview_without_what_the_schema_requires_and_with_what_it_does_not_know() {
    let overview: Overview = serde_json::from_str(
        r#"{"trial":false,"valid":"2018-01-01/2018-12-31","status":"Paused","product":"x","allotments":[
            {"name":"analyzer_time","units":300,"overage":100,"unitsUsed":242,"usageClass":"time"},
            {"name":"fullUser","units":200.0,"unitsUsed":"15","overage":-1},{"name":"brandNew","usageClass":"shared"}, 7],
            "licenseKey":"k","parameters":[{"name":"p","valid":"./.","values":{"a":"FULL"}}],"newField":{}}"#,
    )
    .unwrap();
    assert_eq!(overview.status, "Paused");
    assert_eq!(overview.allotments.len(), 3);
    assert_eq!(
        (overview.allotments[1].units, overview.allotments[1].units_used, overview.allotments[1].overage),
        (200, 15, Some(-1))
    );
    let status: Status = serde_json::from_str(r#"{"type":"2.0","status":"Missing"}"#).unwrap();
    assert_eq!((status.kind.as_str(), status.status.as_str(), status.deactivated), ("2.0", "Missing", false));
    assert_eq!(serde_json::from_str::<Settings>("{}").unwrap(), Settings::default());
}

#[test]
fn action_answers_groups_settings_and_errors() {
    let answer: ActionAnswer = serde_json::from_str(
        r#"{"data":[{"type":"professional","status":200,"subject":"qlik\\malik"},{"code":"LICENSES-016","title":"Assignment not found.","status":404},{}]}"#,
    )
    .unwrap();
    assert_eq!(answer.data.iter().map(|row| row.status).collect::<Vec<_>>(), [200, 404, 0]);
    let group: Group = serde_json::from_str(r#"{"id":"507f191e810c19729de860ea","name":"Development","links":{},"status":"active","assignedRoles":[{"id":"1","name":"Developer","type":"default","level":"admin"}]}"#).unwrap();
    assert_eq!(group.assigned_roles.as_ref().unwrap()[0].level, "admin");
    let settings: GroupSettings = serde_json::from_str(r#"{"tenantId":"t","autoCreateGroups":true,"systemGroups":{"000000000000000000000001":{"id":"000000000000000000000001","enabled":true}}}"#).unwrap();
    assert!(settings.system_groups["000000000000000000000001"].enabled && settings.sync_idp_groups.is_none());
    let error: ErrorBody =
        serde_json::from_str(r#"{"error":"e","message":"m","errors":[{"code":"LICENSES-123","title":"t"},"odd"]}"#).unwrap();
    assert_eq!(error.errors.len(), 1);
}
