package main

import (
	"encoding/json"
	"testing"

	"enishi"
	"enishi/internal/definitions"
)

func TestShopZone(t *testing.T) {
	log := definitions.NewLog()
	z := &shopZone{definitions: log}
	f := func(body, want string) {
		t.Helper()
		if body != "" {
			value, err := json.Marshal(enishi.Definition{Kind: "setting", Name: "journeys", Expect: -1, Body: json.RawMessage(body), RequestID: enishi.NewID("zone", body), Deleted: body == "{}"})
			if err != nil {
				t.Fatal(err)
			}
			log.Fold(log.Next(), value)
		}
		for range 2 { // the second answer is remembered
			if got := z.location().String(); got != want {
				t.Errorf("after %s: %s, want %s", body, got, want)
			}
		}
	}
	f("", "Asia/Tokyo")
	f(`{"timezone":"America/Sao_Paulo"}`, "America/Sao_Paulo")
	f(`{"default_language":"en"}`, "Asia/Tokyo")
	f(`{"timezone":"Europe/Paris"}`, "Europe/Paris")
	f(`{"timezone":"Nowhere/Town"}`, "Asia/Tokyo")
	f(`{"timezone":"Europe/Paris","accelerate":2}`, "Europe/Paris")
	f(`{}`, "Asia/Tokyo") // deleted
}
