//! Everything that can be wrong with a signed token, from one table, for ID tokens, logout tokens and assertions.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panicking")]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity::Reason;
use identity::keys::{Algorithm, Found, KeySet};
use identity::token::{Claims, Expected, Purpose, Token};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

const NOW: i64 = 1_800_000_000;
const ISSUER: &str = "https://id.example.com";
const US: &str = "quartermaster";
const LOGOUT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Signs as a provider would, and as an attacker would like to.
struct Signer {
    p256: EcdsaKeyPair,
    ed25519: Ed25519KeyPair,
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

impl Signer {
    fn new() -> Self {
        let random = SystemRandom::new();
        let p256 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let ed25519 = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        Self {
            p256: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, p256.as_ref(), &random).unwrap(),
            ed25519: Ed25519KeyPair::from_pkcs8(ed25519.as_ref()).unwrap(),
        }
    }

    fn set(&self) -> Value {
        let point = self.p256.public_key().as_ref();
        let (x, y) = point.split_at(33);
        json!({"keys": [
            {"kty": "EC", "crv": "P-256", "kid": "ec", "use": "sig", "x": URL_SAFE_NO_PAD.encode(&x[1..]), "y": URL_SAFE_NO_PAD.encode(y)},
            {"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": URL_SAFE_NO_PAD.encode(self.ed25519.public_key().as_ref())},
            {"kty": "oct", "kid": "shared", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"},
            {"kty": "EC", "crv": "P-256", "kid": "encryption", "use": "enc", "x": URL_SAFE_NO_PAD.encode(&x[1..]), "y": URL_SAFE_NO_PAD.encode(y)},
        ]})
    }

    fn sign(&self, header: &Value, payload: &str) -> String {
        let message = format!("{}.{}", encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = match header["alg"].as_str() {
            Some("EdDSA") => self.ed25519.sign(message.as_bytes()).as_ref().to_vec(),
            _ => self.p256.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec(),
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn verify(set: &KeySet, token: &str, purpose: Purpose<'_>) -> Result<Claims, Reason> {
    let expected =
        Expected { issuer: ISSUER, audience: US, algorithms: &[Algorithm::Es256, Algorithm::EdDsa], skew_s: 60, purpose };
    let token = Token::read(token, &expected)?;
    match set.find(token.key_id.as_deref(), token.algorithm)? {
        Found::Keys(keys) => token.verify(&keys, &expected, NOW),
        Found::Unknown => Err(Reason::Key),
    }
}

fn purposes() -> [(&'static str, Purpose<'static>, Value); 3] {
    let common = json!({"iss": ISSUER, "aud": US, "sub": "248289761001", "iat": NOW - 5, "exp": NOW + 300});
    let with = |more: Value| {
        let mut claims = common.clone();
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        claims
    };
    [
        (
            "id",
            Purpose::Id { nonce: "n-0S6_WzA2Mj", auth_time: true },
            with(json!({"nonce": "n-0S6_WzA2Mj", "auth_time": NOW - 9})),
        ),
        ("logout", Purpose::Logout, with(json!({"jti": "1", "sid": "s", "events": {LOGOUT: {}}}))),
        ("assertion", Purpose::Assertion, common.clone()),
    ]
}

/// A claim that is set, or taken away by `null`, and what the token is then refused for.
fn wrong_claims() -> Vec<(&'static str, Value, Reason)> {
    vec![
        ("iss", json!("https://id.example.com/"), Reason::Issuer),
        ("iss", json!(null), Reason::Issuer),
        ("iss", json!([ISSUER]), Reason::Issuer),
        ("aud", json!("another"), Reason::Audience),
        ("aud", json!(null), Reason::Audience),
        ("aud", json!([]), Reason::Audience),
        ("aud", json!(["another"]), Reason::Audience),
        ("aud", json!([US, 7]), Reason::Audience),
        ("aud", json!({"quartermaster": true}), Reason::Audience),
        ("aud", json!([US, "another"]), Reason::Azp),
        ("azp", json!("another"), Reason::Azp),
        ("azp", json!([US]), Reason::Azp),
        ("exp", json!(NOW - 61), Reason::Expired),
        ("exp", json!((NOW + 300).to_string()), Reason::Expired),
        ("exp", json!(1_800_000_300.5), Reason::Expired),
        ("exp", json!(null), Reason::Expired),
        ("iat", json!(NOW + 61), Reason::IssuedAt),
        ("iat", json!(null), Reason::IssuedAt),
        ("iat", json!("now"), Reason::IssuedAt),
        ("nbf", json!(NOW + 61), Reason::NotYet),
        ("nbf", json!("0"), Reason::NotYet),
        ("sub", json!(""), Reason::Subject),
        ("sub", json!("a\nb"), Reason::Subject),
        ("sub", json!("x".repeat(256)), Reason::Subject),
        ("sub", json!(7), Reason::Subject),
        ("sub", json!(["248289761001"]), Reason::Subject),
    ]
}

fn changed(claims: &Value, key: &str, value: &Value) -> Value {
    let mut claims = claims.clone();
    let map = claims.as_object_mut().unwrap();
    if value.is_null() {
        map.remove(key);
    } else {
        map.insert(key.to_owned(), value.clone());
    }
    claims
}

#[test]
fn what_is_right_is_taken() {
    let signer = Signer::new();
    let set = KeySet::parse(signer.set().to_string().as_bytes()).unwrap();
    for (name, purpose, claims) in purposes() {
        for header in
            [json!({"alg": "ES256", "kid": "ec", "typ": "JWT"}), json!({"alg": "EdDSA", "kid": "ed"}), json!({"alg": "ES256"})]
        {
            let token = signer.sign(&header, &claims.to_string());
            assert_eq!(
                verify(&set, &token, purpose).map(|said| said.subject),
                Ok(Some("248289761001".to_owned())),
                "{name} {header}"
            );
        }
        // Clocks may differ by a minute, and an audience may be a list.
        for (key, value) in [
            ("exp", json!(NOW - 59)),
            ("iat", json!(NOW + 60)),
            ("nbf", json!(NOW + 60)),
            ("aud", json!([US])),
            ("azp", json!(US)),
        ] {
            let token = signer.sign(&json!({"alg": "ES256", "kid": "ec"}), &changed(&claims, key, &value).to_string());
            assert!(verify(&set, &token, purpose).is_ok(), "{name} {key}");
        }
    }
}

#[test]
fn every_wrong_claim_is_refused_for_what_it_is() {
    let signer = Signer::new();
    let set = KeySet::parse(signer.set().to_string().as_bytes()).unwrap();
    for (name, purpose, claims) in purposes() {
        for (key, value, reason) in wrong_claims() {
            let token = signer.sign(&json!({"alg": "ES256", "kid": "ec"}), &changed(&claims, key, &value).to_string());
            assert_eq!(verify(&set, &token, purpose).unwrap_err(), reason, "{name}: {key} = {value}");
        }
        // Two readers of a doubled key read two tokens.
        let doubled = claims.to_string().replacen('{', "{\"sub\":\"admin\",", 1);
        let token = signer.sign(&json!({"alg": "ES256", "kid": "ec"}), &doubled);
        assert_eq!(verify(&set, &token, purpose).unwrap_err(), Reason::Malformed, "{name}");
    }
}

#[test]
fn what_each_kind_of_token_must_say_beside() {
    let signer = Signer::new();
    let set = KeySet::parse(signer.set().to_string().as_bytes()).unwrap();
    let [(_, id, id_claims), (_, logout, logout_claims), (_, assertion, assertion_claims)] = purposes();
    let cases = [
        (id, &id_claims, "nonce", json!(null), Reason::Nonce),
        (id, &id_claims, "nonce", json!("other"), Reason::Nonce),
        (id, &id_claims, "nonce", json!(["n-0S6_WzA2Mj"]), Reason::Nonce),
        (id, &id_claims, "auth_time", json!(null), Reason::AuthTime),
        (id, &id_claims, "auth_time", json!("9"), Reason::AuthTime),
        (id, &id_claims, "sub", json!(null), Reason::Subject),
        (logout, &logout_claims, "events", json!(null), Reason::Events),
        (logout, &logout_claims, "events", json!({LOGOUT: null}), Reason::Events),
        (logout, &logout_claims, "events", json!({LOGOUT: []}), Reason::Events),
        (logout, &logout_claims, "events", json!([LOGOUT]), Reason::Events),
        (logout, &logout_claims, "events", json!({"other": {}}), Reason::Events),
        (logout, &logout_claims, "nonce", json!("n"), Reason::Nonce),
        (logout, &logout_claims, "jti", json!(null), Reason::Replay),
        (logout, &logout_claims, "jti", json!(7), Reason::Malformed),
        (logout, &logout_claims, "iat", json!(NOW - 601), Reason::IssuedAt),
        (assertion, &assertion_claims, "exp", json!(NOW + 90_000), Reason::Expired),
        (assertion, &assertion_claims, "sub", json!(null), Reason::Subject),
    ];
    for (purpose, claims, key, value, reason) in cases {
        let token = signer.sign(&json!({"alg": "ES256", "kid": "ec"}), &changed(claims, key, &value).to_string());
        assert_eq!(verify(&set, &token, purpose).unwrap_err(), reason, "{purpose:?}: {key} = {value}");
    }
    let nobody = changed(&changed(&logout_claims, "sub", &json!(null)), "sid", &json!(null));
    let token = signer.sign(&json!({"alg": "ES256", "kid": "ec"}), &nobody.to_string());
    assert_eq!(verify(&set, &token, logout).unwrap_err(), Reason::Subject);
    let one =
        signer.sign(&json!({"alg": "ES256", "typ": "logout+jwt"}), &changed(&logout_claims, "sub", &json!(null)).to_string());
    assert_eq!(verify(&set, &one, logout).unwrap().sid.as_deref(), Some("s"), "a session alone will do");
    // An ID token is no logout token, and a logout token signs nobody in.
    let as_logout = signer.sign(&json!({"alg": "ES256"}), &id_claims.to_string());
    assert_eq!(verify(&set, &as_logout, logout).unwrap_err(), Reason::Events);
    assert_eq!(verify(&set, &one, id).unwrap_err(), Reason::Typ);
}

#[test]
fn every_wrong_header_and_signature_is_refused() {
    let signer = Signer::new();
    let set = KeySet::parse(signer.set().to_string().as_bytes()).unwrap();
    for (name, purpose, claims) in purposes() {
        let claims = claims.to_string();
        let headers = [
            (json!({"alg": "none"}), Reason::Alg),
            (json!({"alg": "None", "kid": "ec"}), Reason::Alg),
            (json!({"alg": "HS256", "kid": "ec"}), Reason::Alg),
            (json!({"alg": "HS256", "kid": "shared"}), Reason::Alg),
            (json!({"alg": "RS256", "kid": "ec"}), Reason::Alg),
            (json!({"alg": ["ES256"], "kid": "ec"}), Reason::Alg),
            (json!({"kid": "ec"}), Reason::Alg),
            (json!({"alg": "ES256", "kid": "ed"}), Reason::Key),
            (json!({"alg": "ES256", "kid": "shared"}), Reason::Key),
            (json!({"alg": "ES256", "kid": "encryption"}), Reason::Key),
            (json!({"alg": "ES256", "kid": "nobody's"}), Reason::Key),
            (json!({"alg": "ES256", "kid": 7}), Reason::Key),
            (json!({"alg": "ES256", "kid": "ec", "crit": ["exp"]}), Reason::Malformed),
            (json!({"alg": "ES256", "kid": "ec", "typ": "at+jwt"}), Reason::Typ),
            (json!({"alg": "ES256", "kid": "ec", "typ": 7}), Reason::Typ),
        ];
        for (header, reason) in headers {
            assert_eq!(verify(&set, &signer.sign(&header, &claims), purpose).unwrap_err(), reason, "{name} {header}");
        }
        // The attacker's own key in the header counts for nothing.
        let attacker = Signer::new();
        let jwk = attacker.set()["keys"][0].clone();
        let own = attacker.sign(&json!({"alg": "ES256", "kid": "ec", "jwk": jwk, "jku": "https://evil.example/keys"}), &claims);
        assert_eq!(verify(&set, &own, purpose).unwrap_err(), Reason::Signature, "{name}");
        let token = signer.sign(&json!({"alg": "ES256", "kid": "ec"}), &claims);
        let (message, signature) = token.rsplit_once('.').unwrap();
        let (header, _) = message.split_once('.').unwrap();
        let zeros = URL_SAFE_NO_PAD.encode([0; 64]);
        let forged = URL_SAFE_NO_PAD.encode(claims.replace("248289761001", "1"));
        for (text, reason) in [
            (format!("{message}.{zeros}"), Reason::Signature),
            (format!("{message}."), Reason::Signature),
            (format!("{header}.{forged}.{signature}"), Reason::Signature),
            (message.to_owned(), Reason::Malformed),
            (format!("{token}.{signature}"), Reason::Malformed),
            (format!("{token}="), Reason::Malformed),
            (String::new(), Reason::Malformed),
            ("..".to_owned(), Reason::Malformed),
            (format!("{header}.{}.{signature}", "A".repeat(70_000)), Reason::TooLarge),
        ] {
            assert_eq!(verify(&set, &text, purpose).unwrap_err(), reason, "{name}: {}", &text[..text.len().min(60)]);
        }
    }
}

#[test]
fn rsa_keys_verify_as_the_standard_has_it() {
    // RFC 7515, appendix A.2.
    let set = br#"{"keys":[{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}]}"#;
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    let set = KeySet::parse(set).unwrap();
    let expected =
        Expected { issuer: "joe", audience: US, algorithms: &[Algorithm::Rs256], skew_s: 0, purpose: Purpose::Assertion };
    let read = Token::read(token, &expected).unwrap();
    let Found::Keys(keys) = set.find(None, read.algorithm).unwrap() else { panic!("one key fits") };
    // The signature is right; what it says is not for us.
    assert_eq!(read.verify(&keys, &expected, 1_300_819_000).unwrap_err(), Reason::Audience);
    let spoiled = token.replacen("eyJpc3MiOiJqb2Ui", "eyJpc3MiOiJqb2Vi", 1);
    let read = Token::read(&spoiled, &expected).unwrap();
    assert_eq!(read.verify(&keys, &expected, 1_300_819_000).unwrap_err(), Reason::Signature);
}

#[test]
fn a_key_set_is_bounded_and_of_one_mind() {
    let many = json!({"keys": vec![json!({"kty": "oct"}); 101]});
    assert_eq!(KeySet::parse(many.to_string().as_bytes()), Err(Reason::Jwks));
    for bad in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#] {
        assert_eq!(KeySet::parse(bad.as_bytes()), Err(Reason::Jwks), "{bad}");
    }
    // Without an id in the token, only one key may fit.
    let signer = Signer::new();
    let mut set = signer.set();
    let mut second = set["keys"][0].clone();
    second["kid"] = json!("second");
    set["keys"].as_array_mut().unwrap().push(second);
    let set = KeySet::parse(set.to_string().as_bytes()).unwrap();
    let (_, purpose, claims) = &purposes()[0];
    assert_eq!(verify(&set, &signer.sign(&json!({"alg": "ES256"}), &claims.to_string()), *purpose).unwrap_err(), Reason::Key);
}
