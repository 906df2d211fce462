// Package analytics is the reports: SQL over the fact tables and the raw events, beside the Go that runs it.
//
// Every report counts over FINAL, so that repeats and corrections are never counted twice, and says through when it is
// complete (the oldest clock of the partitions' markers). Days, weeks and months are those of the shop's zone; weeks begin
// on Monday. Revenue is tax included, after discounts and points, without shipping and fees, less refunds, of valid orders
// (placed and not cancelled), at the time of the order.
package analytics
