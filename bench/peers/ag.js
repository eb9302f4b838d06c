// AG Grid Community as its documentation advises for many rows: client-side row model, cached quick filter, no animation.
import { ClientSideRowModelModule, ModuleRegistry, QuickFilterModule, RowApiModule, RowSelectionModule, createGrid, themeQuartz } from "ag-grid-community";

ModuleRegistry.registerModules([ClientSideRowModelModule, QuickFilterModule, RowSelectionModule, RowApiModule]);

const shown = document.getElementById("shown");
const rowData = await (await fetch("/data.json")).json();
const column = (field, headerName, width, more = {}) => ({ field, headerName, width, ...more });

const api = createGrid(document.getElementById("grid"), {
  theme: themeQuartz,
  rowHeight: 36,
  headerHeight: 36,
  rowData,
  getRowId: ({ data }) => data.id,
  columnDefs: [
    column("name", "Person", 320, { valueFormatter: ({ data }) => `${data.name} ${data.subject}`, getQuickFilterText: ({ data }) => `${data.name}\n${data.subject}` }),
    column("mail", "Mail", 280, { getQuickFilterText: ({ value }) => value }),
    column("allotment", "Allotment", 120),
    column("since", "Since", 130),
    column("used", "Last used", 110),
    column("status", "Status", 110),
    column("flags", "Flags", 140),
    column("groups", "Groups", 90),
  ],
  // No inference of types, and no text for the quick filter but where a column gives one.
  defaultColDef: { cellDataType: false, getQuickFilterText: () => "", suppressMovable: true },
  rowSelection: { mode: "multiRow", checkboxes: true, headerCheckbox: true, selectAll: "filtered", enableClickSelection: false },
  cacheQuickFilter: true,
  // The whole input is one piece of text, as in the other tables.
  quickFilterParser: (text) => [text],
  animateRows: false,
  suppressRowHoverHighlight: true,
  suppressCellFocus: true,
  onModelUpdated: ({ api }) => { shown.textContent = api.getDisplayedRowCount(); },
  onFirstDataRendered: () => { window.ready = true; },
});
document.getElementById("filter").addEventListener("input", (event) => api.setGridOption("quickFilterText", event.target.value));
window.probe = {
  shown: () => api.getDisplayedRowCount(),
  selected: () => api.getSelectedNodes().length,
};
