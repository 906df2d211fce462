// Package demo is the demo shop: a seeded Japanese cosmetics brand with two stores, a web shop and a subscription, whose
// customers browse, buy, return, visit and write reviews. It speaks to Enishi only by the public ways in: JSON events for
// the source topics. The same seed and the same instant give the same shop.
package demo
