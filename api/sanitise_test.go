package api

import (
	"strings"
	"testing"
)

func TestSanitiseDrops(t *testing.T) {
	t.Parallel()
	f := func(doc string, never ...string) {
		t.Helper()
		got := strings.ToLower(sanitise(doc))
		for _, bad := range append(never, "<script", "javascript:", "onerror", "onclick", "onload", "<iframe", "<form", "<object", "<base", "http-equiv", "<svg", "expression(") {
			if strings.Contains(got, bad) {
				t.Errorf("%q leaves %q: %s", doc, bad, got)
			}
		}
	}
	f(`<p>a</p><script>alert(1)</script>`, "alert")
	f(`<img src=x onerror=alert(1)>`, "alert", "src=")
	f(`<a href="javascript:alert(1)">x</a>`, "alert")
	f(`<a href=" JaVaScRiPt:alert(1)">x</a>`, "alert")
	f(`<a href="data:text/html,<script>alert(1)</script>">x</a>`, "data:")
	f(`<svg><script>alert(1)</script></svg>`, "alert")
	f(`<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>`, "onerror")
	f(`<form action="https://evil.example"><input name=password></form>`, "evil", "<input")
	f(`<meta http-equiv="refresh" content="0;url=https://evil.example">`, "evil")
	f(`<base href="https://evil.example/">`, "evil")
	f(`<link rel=stylesheet href="https://evil.example/x.css">`, "evil")
	f(`<iframe src="https://evil.example"></iframe>`, "evil")
	f(`<p style="background:expression(alert(1))">x</p>`, "alert")
	f(`<!--[if mso]><script>alert(1)</script><![endif]-->`, "alert")
	f(`<noscript><p title="</noscript><img src=x onerror=alert(1)>">`, "onerror")
	f(`<template><script>alert(1)</script></template>`, "alert")
	f(`<video src=x onloadstart=alert(1)></video>`, "alert")
	f(`<body onload=alert(1) background="javascript:x">x</body>`, "alert")
	f(`<img src="data:image/svg+xml;base64,PHN2Zz4=">`, "svg")
}

func TestSanitiseKeeps(t *testing.T) {
	t.Parallel()
	f := func(doc string, keep ...string) {
		t.Helper()
		got := sanitise(doc)
		for _, s := range keep {
			if !strings.Contains(got, s) {
				t.Errorf("%q loses %q: %s", doc, s, got)
			}
		}
	}
	f(`<table width="100%"><tr><td style="padding:8px;color:#333" align="center">こんにちは</td></tr></table>`, `width="100%"`, `style="padding:8px;color:#333"`, "こんにちは", `align="center"`)
	f(`<a href="https://shop.example/?a=1&amp;b=2">買う</a>`, `href="https://shop.example/?a=1&amp;b=2"`, `target="_blank"`, "noopener")
	f(`<a href="mailto:help@shop.example">問い合わせ</a>`, "mailto:help@shop.example")
	f(`<img src="https://shop.example/a.png" alt="写真" width="10">`, "https://shop.example/a.png", `alt="写真"`)
	f(`<img src="data:image/png;base64,AAAA">`, "data:image/png")
	f(`<style>p{color:red}</style><p>x</p>`, "p{color:red}")
	f(`<blink>still <b>here</b></blink>`, "still <b>here</b>")
	f(`<html lang="ja"><head><meta charset="utf-8"><title>件名</title></head><body>本文</body></html>`, `lang="ja"`, "本文")
	if sanitise("  ") != "" {
		t.Error("nothing becomes something")
	}
}

func TestOpenLINE(t *testing.T) {
	t.Parallel()
	f := func(raw, preview string, links int) {
		t.Helper()
		o := open("line", raw)
		if o.preview != preview || len(o.links) != links {
			t.Errorf("%s: %q, %d links; want %q, %d", raw, o.preview, len(o.links), preview, links)
		}
		if o.messages == nil {
			t.Error("no array of messages")
		}
	}
	f(`[{"type":"text","text":"こんにちは https://shop.example/a"}]`, "こんにちは https://shop.example/a", 1)
	f(`{"to":"U1","messages":[{"type":"text","text":"push"}]}`, "push", 0)
	f(`[{"type":"flex","altText":"お知らせ","contents":{"type":"bubble","footer":{"type":"box","contents":[{"type":"button","action":{"type":"uri","label":"見る","uri":"https://shop.example"}}]}}}]`, "お知らせ", 1)
	f(`no json`, "", 0)
}
