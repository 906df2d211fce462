package main

import (
	"sync"
	"time"

	"enishi/internal/definitions"
	"enishi/journeys"
)

// shopZone is the time zone of the setting "journeys". A saved change holds from the next report on, without a restart.
type shopZone struct {
	definitions *definitions.Log

	mu      sync.Mutex
	version int64
	zone    *time.Location
}

// location is the zone now.
func (z *shopZone) location() *time.Location {
	d, _ := z.definitions.Current("setting", "journeys")
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.zone != nil && d.Version == z.version {
		return z.zone
	}
	settings := journeys.DefaultSettings()
	if d.Version > 0 {
		if saved, err := journeys.ParseSettings(d.Body); err == nil { // the API saves none that does not read
			settings = saved
		}
	}
	z.version, z.zone = d.Version, settings.Zone()
	return z.zone
}
