// Package address reads Japanese postal addresses as people write them: it folds their many writings to one form, checks
// them against Japan Post's postal codes, and says what is wrong with the fix.
//
// Three things come of an address. [Normalise] gives what can be printed, with the problems that a person has to look at.
// [Key] says that two writings are one delivery point; it needs no table of postal codes, so a fold can keep it.
// [Household] says that two people share one letter box. All are pure functions: no state, no clock, no network.
//
// Postal codes come from Japan Post's files (https://www.post.japanpost.jp/zipcode/download.html), which the shop imports:
// see [ParseTable]. Without a table the checks that need it are left out.
package address
