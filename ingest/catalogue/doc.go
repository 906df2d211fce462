// Package catalogue keeps the table of products and lets their changes act: a price that dropped, a product that is back in stock or
// running low becomes one event for everybody who waits for it.
//
// The topic catalogue has one partition, so one replica is its [Keeper] at a time. For a batch of records it reads what the table has of
// the products, applies the records, and finds what changed ([observe], a pure func of what the row holds). Then it waits until everything
// that happened before is in the tables, looks up whom a change may concern, and appends an event to each of them. The person's own fold
// decides whether it does concern them (profiles.Profile.Waits) and passes over it otherwise. At last the rows are written: what was found and
// what was announced stand in one row, so a crash before it repeats the batch with the same ids, which the fold knows.
package catalogue
