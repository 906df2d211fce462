package channels

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestSlowMachine: a good template is never refused because somebody else had the processors. What takes very long is tried
// again, whatever it is.
func TestSlowMachine(t *testing.T) {
	t.Parallel()
	const doc = `{% for i in (1..9000) %}{{ i }}{% endfor %}`
	for each, again := range map[time.Duration]bool{time.Millisecond: false, 3 * time.Millisecond: true} {
		r, add := testDefinitions(t)
		add("template", "t", htmlTemplate(t, doc))
		now := time.Now()
		r.cfg.Now = func() time.Time { now = now.Add(each); return now } // the clock is looked at some 1,100 times
		out, err := r.Render(t.Context(), testMessage("t", "email", ""))
		var e *SendError
		switch {
		case again && (!errors.As(err, &e) || e.verdict != verdictRetry):
			t.Errorf("%s a look: %v, want it to be tried again", each, err)
		case !again && (err != nil || !strings.Contains(out.HTML, "89999000")):
			t.Errorf("%s a look: %v", each, err)
		}
	}
}

// TestPlaceOfErrors: an error names the line and the words of the object, wherever it stands.
func TestPlaceOfErrors(t *testing.T) {
	t.Parallel()
	r, add := testDefinitions(t)
	add("block", "foot", `{"variants":{"ja":{"html":"\n\n<p>{{ gone }}</p>"}}}`)
	f := func(doc, vars, want string) {
		t.Helper()
		_, err := r.Preview([]byte(htmlTemplate(t, doc)), testMessage("t", "email", vars), -1, false)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", doc, err, want)
		}
	}
	const list = `{"list":[1,2],"name":"x"}`
	f("a\n{{ name }}\nb {{ gone }}\n{{ gone2 }}", list, "line 3: the variable has no value in {{ gone }}")
	f("\n{% for x in list %}\n{{ name }}\n{{ gone }}\n{% endfor %}", list, "line 4: the variable has no value in {{ gone }}")
	f("\n{% if name %}\n\n{{- gone -}}{% endif %}", list, "no value")
	f("a\n{% assign y = name %}\n{{ name\n}}\n<a href=\"{{ name | append: gone }}{{ bad }}\">", list, "line 5: the variable has no value in {{ bad }}")
	f("a\n{% block \"foot\" %}\n{{ gone2 }}", list, "line 2: the variable has no value in {{ gone }}")
	f("\n\n{{ name | | }}", list, "") // refused while it is compiled
	f("\n<a href=\"{{ name | prepend: 'javascript:' }}\">", list, "line 2: \"javascript:x\" is not an address")
}

// TestWhiteSpace: signs that take white space away work beside text and objects.
func TestWhiteSpace(t *testing.T) {
	t.Parallel()
	r := testRenderer(t, nil)
	for doc, want := range map[string]string{
		"[ {{- a -}} ]":                                                        "[x]",
		"[ {{ a }} {%- if a -%} b {% endif %}]":                                "[ xb ]",
		"[ {{ b }}{%- if a %} {% endif -%} ]":                                  "[  y ]",
		"[{% for i in (1..2) -%} {{ i }}\n{%- endfor %}]":                      "[12]",
		"[{% capture c %} {{ a }}<b>{{ b }}</b>{% endcapture %}{{ c }}]":       "[ x<b> y </b>]",
		"[{% case a %} {% when 'x' %}{{ a }}{% endcase %}]":                    "[x]",
		"[{% raw %}{{ a }}{% endraw %}{% comment %} {{ a }} {% endcomment %}]": "[{{ a }}]",
	} {
		out, err := r.Preview([]byte(htmlTemplate(t, "<body>"+doc+"</body>")), testMessage("t", "email", `{"a":"x","b":" y "}`), -1, false)
		if err != nil || !strings.Contains(out.HTML, "<body>"+want) {
			t.Errorf("%q: %v\n%s", doc, err, out.HTML)
		}
	}
}

// TestFinish: what is added to a mail stands within its body, links are tracked wherever they are, and what looks like a tag
// and is none changes nothing.
func TestFinish(t *testing.T) {
	t.Parallel()
	const link, tracked = `<a href="https://x.example/?a=1&amp;b=2">`, `<a href="T:https://x.example/?a=1&amp;b=2">`
	for doc, want := range map[string]string{
		"":                         "[top][end]",
		"x":                        "[top]x[end]",
		"<":                        "[top]<[end]",
		"a < b" + link + "c":       "[top]a < b" + tracked + "c[end]",
		"<BODY class='a'>x</Body>": "<BODY class='a'>[top]x[end]</Body>",
		link + "<body>" + link + "</body>" + link: tracked + "<body>[top]" + tracked + "[end]</body>" + tracked,
		"<body>a</body>b</body>":                  "<body>[top]a</body>b[end]</body>",
		"</body><body>":                           "[end]</body><body>[top]",
		"<!-- " + link + " --><body>" + link:      "<!-- " + link + " --><body>[top]" + tracked + "[end]",
		"<!-- <body> " + link:                     "<!-- <body>[top] " + link + "[end]",
		`<p title="<body>` + "\" href='https://x.example/'>" + link + "</body>": `<p title="<body>[top]" href='https://x.example/'>` + tracked + "[end]</body>",
		`<a title="</body>" href=https://x.example/>`:                           `<a title="[end]</body>" href=T:https://x.example/>`,
	} {
		if strings.Contains(want, "[end]</body>\" href") { // no opening body: top comes first
			want = "[top]" + want
		}
		got, err := finish(doc, "[top]", "[end]", func(u string) string { return "T:" + u })
		if err != nil || got != want {
			t.Errorf("%s\n%s, %v\nwant %s", doc, got, err, want)
		}
	}
	for _, doc := range []string{`<body><p title="<body>"><a href="javascript:x">`, `<!-- --><img src=javascript:x>`, `<a title="</body>" href="vbscript:x">`, `< <form action='data:x'`} {
		if got, err := finish(doc, "[top]", "[end]", func(u string) string { return u }); err == nil {
			t.Errorf("%s became %s", doc, got)
		}
	}
}
