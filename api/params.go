package api

import "time"

// Parts of requests that several operations share. They are exported because huma reads no others where they are embedded.

// PersonPath names a person in a path.
type PersonPath struct {
	ID string `path:"id" maxLength:"36" doc:"A profile id; one that was merged away leads to the person it belongs to now."`
}

// NamePath names a definition in a path.
type NamePath struct {
	Name string `path:"name" maxLength:"64"`
}

// StorePath is the path of an operation on a store.
type StorePath struct {
	Name string `path:"name" maxLength:"64" doc:"The store's id, as events have it."`
}

// IDPath names a thing by its id in a path.
type IDPath struct {
	ID string `path:"id" maxLength:"36"`
}

// RangeQuery is the time that a report covers.
type RangeQuery struct {
	From time.Time `query:"from" doc:"30 days ago unless said."`
	To   time.Time `query:"to" doc:"Exclusive; now unless said."`
}
