// Package enishi is the vocabulary of Enishi (縁), a customer-data and journey-orchestration platform for commerce.
//
// It holds the records that travel on the log and nothing that acts on them:
//
//   - [Event]: what a customer did, or a control record that steers the fold. The same struct is the public JSON of the
//     source topics (orders, shipments, web, store) and the compact binary of the topic events.
//   - [Message]: one decided send, on its way to a channel.
//   - [Decision]: why a message was sent or was not.
//   - [Definition]: one immutable version of a segment, journey, template or setting.
//   - [Identifier], [ID], [Money]: the small values that all of them share.
//
// The package depends on the standard library and on the codec in internal/wire alone. Encoded forms carry a version byte;
// field numbers (tag `wire`) are never reused, so that an older program reads what a newer one wrote and the reverse.
package enishi

//go:generate go run enishi/internal/wire/gen -types Event,Person,Value,Context,Order,Line,Tax,Address,Shipment,ShipmentLine,Return,Web,Product,StoreVisit,Contact,ConsentChange,Survey,Answer,Review,Referral,Coupon,Points,Subscription,Risk,ListChange,Hold,Note,MessageResult,Control,Import,Message,Link -out wire_gen.go
