package api

import (
	"context"

	"enishi/sdk/js"
)

// tagPage is what a shop's pages load.
type tagPage struct {
	Script       string `json:"script" doc:"Path of the browser SDK; always this program's version."`
	Pinned       string `json:"pinned" doc:"Path of the same script under a name of its content: it goes with integrity, and is renewed in the shop's pages when the program is."`
	Integrity    string `json:"integrity" doc:"Of pinned, for the attribute integrity; empty where the SDK is not built."`
	Pixel        string `json:"pixel" doc:"Path of the script for Shopify's customer events."`
	Transmission string `json:"transmission" doc:"Path of the public page on what is sent, to whom and why."`
}

type tagOutput struct{ Body tagPage }

func (a *API) getTag(context.Context, *struct{}) (*tagOutput, error) {
	f := js.Script()
	p := tagPage{Script: a.cfg.Base + "/sdk.js", Integrity: f.Integrity, Pixel: a.cfg.Base + "/sdk/pixel.js", Transmission: a.cfg.Base + transmissionPath}
	if f.Pinned != "" {
		p.Pinned = a.cfg.Base + f.Pinned
	}
	return &tagOutput{p}, nil
}
