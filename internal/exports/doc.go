// Package exports writes whole tables of a shop to files: Parquet, CSV or JSON lines.
//
// A table has a name, columns and kinds of its own (Tables, docs/exports.md), which stay when the tables of ClickHouse change: a test compares
// them with the schema. Write reads a table by one query, which is one state of it, collapsed by FINAL, and writes row by row: what is held is
// a block of the answer and a row group of Parquet, whatever the table's size.
//
// A Run is one export of some tables. It is written into a folder of this machine, each file under a name that ends in .part until it is whole
// and on the disk, and manifest.json after the last; then it is copied to its place, if it has one, the manifest last again. A reader of the
// place takes the folders that have a manifest. A crash repeats what is missing: the files of a run that is begun again have the same names.
package exports
