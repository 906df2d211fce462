// Package segments answers one question in four ways: does this expression hold for this person?
//
//   - [Segment.Match] answers it for one person in memory, on every event that touches the person.
//   - [Segment.SQL] and [SQLMany] answer it for everybody from the fact tables, for counts, previews and exports.
//   - [Segment.NextChange] answers from when on the answer may differ by the passing of time alone; it becomes a timer.
//   - [Segment.Explain] answers why.
//
// An expression is read by the parser and held by the type checker of expr-lang/expr, then turned into a small typed tree
// (node.go) that the four are made from. The tables in fields.go are the language: a scalar, a collection or a field is
// added by one line there. The expr VM over a map is the oracle of the tests, and the tests run the SQL on the real engine.
//
// # What an expression means
//
// The rules hold for all evaluators; docs/segments.md has the same table for users.
//
//   - The clock is cut to milliseconds. ago("90d") is now less 90 times 24 hours; no calendar is involved. date("2026-11-01")
//     is the start of that day in the zone of the library (Japan unless said), a full RFC 3339 text names its own zone.
//     today(), this_week(), this_month(), last_month(), this_year() and fiscal_year() are midnights there, as are the edges of
//     ages and birthdays (calendar.go, birthday.go).
//   - Logic has two values. A comparison with something missing is false, also with != and under a not: `!(last_order_at <
//     ago("1d"))` holds for who never ordered.
//   - A zero instant is missing. Missing text is the empty text and compares as such. A number is missing when it is a trait
//     that is absent or no number, avg, min or max of nothing, a division by zero, or a result that does not fit.
//     present(x) and missing(x) ask for it.
//   - Amounts and whole numbers are exact: int64 of 1/10,000 and int64. A literal next to an amount becomes an amount by its
//     text and may have four decimals. +, - and * of exact values are exact; what leaves int64 is missing. Sums add in 128
//     bits and are missing when the result does not fit. count and sum of nothing are 0.
//   - /, avg, and traits read as numbers give IEEE doubles; so does anything mixed with one (an amount then counts in whole
//     units). A result that is not finite is missing. sum and avg take exact values only, because a sum of doubles would depend
//     on its order.
//   - min, max, sum and avg skip what is missing. first and last ask the earliest and latest element that has an instant, of one
//     instant by its key; distinct leaves out what is missing.
//   - Text compares bytewise: no folding of case, width or kana. There are no regular expressions.
//   - A trait has the type of what it is compared with: with text its text form (numbers and true/false as written), with
//     a number only if it is a number, with true or false only if its text form is that word.
//   - A collection holds what the fold keeps (its bound, its window). visits and the lists made of them end 180 days ago, whatever is stored.
//
// # Membership
//
// [Set.Update] is called by the fold with what changed and keeps Memberships and NextChange of the profile. It is pure:
// state, clock and definitions decide, so a replay gives the same transitions. Definitions are immutable; a [Set] is
// read-only after [NewSet] and safe for concurrent use.
package segments
