// Package docs holds what of the documentation the server answers with.
package docs

import _ "embed"

// JourneySchema is the JSON Schema (2020-12) of a journey. It is made of the Go types: go test ./journeys -run Schema -update.
//
//go:embed journey.schema.json
var JourneySchema string
