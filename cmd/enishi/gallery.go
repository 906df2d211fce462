package main

import (
	"encoding/json"
	"fmt"

	"enishi/journeys"
	"enishi/segments"
)

// storyThanks thanks people by direct message who mention the shop in a story.
const storyThanks = "story_thanks"

// startingJourneys are those that a demo or a replay begins with: few enough to look at, and all of them live at once.
func startingJourneys() []string {
	return []string{"cart_abandonment", "delivery_notice", "double_opt_in", "loyalty_thanks", "review_request", storyThanks, "welcome", "winback", "winback_post"}
}

// galleryDefinitions are the ready-made segments, and the journeys (live) with these names and their templates, in an order in which
// they can be saved; no names: all. change may alter a journey before it is returned; nil: none.
func galleryDefinitions(names []string, change func(name string, journey map[string]any)) ([]definitionFile, error) {
	var out []definitionFile
	segs, err := segments.Gallery()
	if err != nil {
		return nil, err
	}
	read := func(kind, name string, text []byte) (map[string]any, error) {
		var body map[string]any
		if err := json.Unmarshal(text, &body); err != nil {
			return nil, fmt.Errorf("read %s %s: %w", kind, name, err)
		}
		return body, nil
	}
	for _, s := range segs {
		body, err := read("segment", s.Name, s.JSON)
		if err != nil {
			return nil, err
		}
		out = append(out, definitionFile{Kind: "segment", Name: s.Name, Body: body})
	}
	for _, item := range journeys.Gallery(names...) {
		body, err := read(item.Kind, item.Name, item.Body)
		if err != nil {
			return nil, err
		}
		if item.Kind == "journey" {
			body["state"] = "live"
			if change != nil {
				change(item.Name, body)
			}
		}
		out = append(out, definitionFile{Kind: item.Kind, Name: item.Name, Body: body})
	}
	return out, nil
}
