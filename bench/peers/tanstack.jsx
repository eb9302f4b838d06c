// TanStack Table and Virtual as their documentation advises for many rows: production React, fixed heights, memoised rows.
import { memo, useEffect, useRef } from "react";
import { createRoot } from "react-dom/client";
import {
  FlexRender, columnFilteringFeature, createFilteredRowModel, createSortedRowModel, globalFilteringFeature, rowSelectionFeature,
  rowSortingFeature, sortFn_basic, tableFeatures, useTable,
} from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";

const features = tableFeatures({
  columnFilteringFeature, globalFilteringFeature, rowSortingFeature, rowSelectionFeature,
  filteredRowModel: createFilteredRowModel(), sortedRowModel: createSortedRowModel(),
});

// Once per row: only one column takes the filter, and the function looks at all three texts, kept in lower case.
const includes = (row, _column, needle) => {
  const person = row.original;
  return (person.search ??= `${person.name}\n${person.subject}\n${person.mail}`.toLowerCase()).includes(needle);
};
includes.resolveFilterValue = (value) => String(value).toLowerCase();

const All = ({ table }) => {
  const box = useRef(null);
  const [all, some] = [table.getIsAllRowsSelected(), table.getIsSomeRowsSelected()];
  useEffect(() => { box.current.indeterminate = some && !all; }, [some, all]);
  return <input ref={box} type="checkbox" aria-label="Select all" checked={all} onChange={table.getToggleAllRowsSelectedHandler()} />;
};
const One = ({ row }) => <input type="checkbox" aria-label="Select row" checked={row.getIsSelected()} onChange={row.getToggleSelectedHandler()} />;

// Plain order: the library's own guess of types takes more than twice as long.
const column = (id, header, size, more) => ({
  id, header, accessorKey: id, enableGlobalFilter: false, sortFn: sortFn_basic, sortUndefined: false, sortDescFirst: false,
  cell: (cell) => cell.getValue(), meta: { size }, ...more,
});
const columns = [
  { id: "select", header: All, cell: One, meta: { size: 50 } },
  column("name", "Person", 320, { enableGlobalFilter: true, cell: (cell) => `${cell.row.original.name} ${cell.row.original.subject}` }),
  column("mail", "Mail", 280),
  column("allotment", "Allotment", 120),
  column("since", "Since", 130),
  column("used", "Last used", 110),
  column("status", "Status", 110),
  column("flags", "Flags", 140),
  column("groups", "Groups", 90),
];
const rowId = (row) => row.id;
const size = () => 36;

const Row = memo(function Row({ row, start, selected }) {
  return (
    <div className={selected ? "row selected" : "row"} role="row" aria-selected={selected} style={{ transform: `translateY(${start}px)` }}>
      {row.getAllCells().map((cell) => (
        <div key={cell.column.id} role="gridcell" className="cell" data-col={cell.column.id} style={{ width: cell.column.columnDef.meta.size }}>
          <FlexRender cell={cell} />
        </div>
      ))}
    </div>
  );
});

// The virtualizer is in the lowest component: scrolling draws this one again and nothing else.
function Body({ head, rows, selection }) {
  const scroller = useRef(null);
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => scroller.current, estimateSize: size, overscan: 10 });
  return (
    <div id="scroller" ref={scroller} role="grid" aria-rowcount={rows.length + 1}>
      {head}
      <div className="body" role="rowgroup" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index];
          return <Row key={row.id} row={row} start={item.start} selected={selection[row.id] === true} />;
        })}
      </div>
    </div>
  );
}

const Head = ({ table }) => table.getHeaderGroups().map((group) => (
  <div key={group.id} className="head" role="row">
    {group.headers.map((header) => {
      const sorted = header.column.getIsSorted();
      const toggle = header.column.getCanSort() ? header.column.getToggleSortingHandler() : undefined;
      return (
        <div key={header.id} role="columnheader" data-col={header.column.id} className="cell" onClick={toggle}
          style={{ width: header.column.columnDef.meta.size }} aria-sort={sorted === "asc" ? "ascending" : sorted === "desc" ? "descending" : "none"}>
          <FlexRender header={header} />
        </div>
      );
    })}
  </div>
));

function App({ data }) {
  const table = useTable({ features, columns, data, getRowId: rowId, globalFilterFn: includes });
  const { rows } = table.getRowModel();
  useEffect(() => { window.ready = true; }, []);
  window.probe = { shown: () => table.getRowModel().rows.length, selected: () => table.getSelectedRowIds().length };
  return (
    <>
      <div id="bar"><input id="filter" type="search" autoComplete="off" aria-label="Filter" value={table.state.globalFilter ?? ""} onChange={(event) => table.setGlobalFilter(event.target.value)} /> <output>{rows.length}</output></div>
      <Body head={<Head table={table} />} rows={rows} selection={table.state.rowSelection} />
    </>
  );
}

const data = await (await fetch("/data.json")).json();
createRoot(document.getElementById("root")).render(<App data={data} />);
