// Package mapping turns the rows and documents of other systems into public JSON of events.
//
// A [Mapping] is a definition: rules, each of which makes one type of event, and in a rule one expression (expr-lang) for
// each field of the event. [Compile] checks it; a [Program] is immutable and safe for concurrent use. What comes out is the
// JSON that docs/events.md describes, and ingest.Parser checks it like anything else: a mapping can name no field that the
// public format lacks, and nothing that only Enishi writes.
//
// Expressions see what they are given and nothing else: no clock, no files, no network. An expression has at most 400 nodes,
// and one row or document at most a million steps of all its loops together, so that a mapping cannot hold up the others.
//
// What an expression gives is put into the shape that the field wants ([Program] fields of a time take 2026/11/02 13:04 and
// 2026年11月2日 in the shop's zone, amounts take ¥1,234, booleans take はい, 1 and TRUE). A value that does not fit is a
// [Problem] with its row, field, expression and what to do, in both languages; the other rows are not touched by it.
package mapping
