package api

import (
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// What of a received mail a frame may show. The frame is sandboxed and runs no script whatever stands in it; this keeps
// out of it what would navigate, submit or load code even so.
var (
	// dropped with everything in them; all other unknown elements lose their tags and keep their words
	droppedElements = []atom.Atom{atom.Script, atom.Iframe, atom.Frame, atom.Frameset, atom.Object, atom.Embed, atom.Applet, atom.Noscript, atom.Template,
		atom.Svg, atom.Math, atom.Select, atom.Textarea, atom.Audio, atom.Video, atom.Noembed, atom.Noframes}
	keptAttributes = []string{"style", "class", "id", "lang", "dir", "title", "alt", "role", "align", "valign", "width", "height", "border", "cellpadding",
		"cellspacing", "bgcolor", "color", "face", "size", "colspan", "rowspan", "start", "type", "charset", "name", "content", "aria-hidden", "aria-label"}
)

// shown tells the elements that stay.
func shown(a atom.Atom) bool {
	switch a {
	case atom.Html, atom.Head, atom.Body, atom.Title, atom.Style, atom.Meta, atom.A, atom.Abbr, atom.Address, atom.Article, atom.Aside, atom.B, atom.Bdi, atom.Bdo, atom.Big, atom.Blockquote,
		atom.Br, atom.Caption, atom.Center, atom.Cite, atom.Code, atom.Col, atom.Colgroup, atom.Dd, atom.Del, atom.Dfn, atom.Div, atom.Dl, atom.Dt, atom.Em, atom.Figcaption, atom.Figure,
		atom.Font, atom.Footer, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Header, atom.Hr, atom.I, atom.Img, atom.Ins, atom.Kbd, atom.Li, atom.Main, atom.Mark, atom.Nav,
		atom.Ol, atom.P, atom.Pre, atom.Q, atom.Rp, atom.Rt, atom.Ruby, atom.S, atom.Samp, atom.Section, atom.Small, atom.Span, atom.Strike, atom.Strong, atom.Sub, atom.Sup, atom.Table,
		atom.Tbody, atom.Td, atom.Tfoot, atom.Th, atom.Thead, atom.Time, atom.Tr, atom.Tt, atom.U, atom.Ul, atom.Wbr:
		return true
	}
	return false
}

// sanitise makes HTML safe to show: a list of elements and attributes stays, addresses are http, https, mailto or tel
// (pictures also data:image), links open outside. What cannot be read gives nothing.
func sanitise(doc string) string {
	if strings.TrimSpace(doc) == "" {
		return ""
	}
	root, err := html.Parse(strings.NewReader(doc))
	if err != nil {
		return ""
	}
	clean(root)
	var b strings.Builder
	if html.Render(&b, root) != nil {
		return ""
	}
	return b.String()
}

// clean goes through the children of n.
func clean(n *html.Node) {
	for c := n.FirstChild; c != nil; {
		next := c.NextSibling
		switch c.Type {
		case html.CommentNode: // conditional comments hold markup of their own
			n.RemoveChild(c)
		case html.ElementNode:
			switch {
			case c.Namespace != "" || slices.Contains(droppedElements, c.DataAtom):
				n.RemoveChild(c)
			case !shown(c.DataAtom):
				clean(c)
				for w := c.FirstChild; w != nil; w = c.FirstChild {
					c.RemoveChild(w)
					n.InsertBefore(w, c)
				}
				n.RemoveChild(c)
			case c.DataAtom == atom.Meta && !isCharset(c):
				n.RemoveChild(c)
			default:
				cleanAttributes(c)
				clean(c)
			}
		}
		c = next
	}
}

// isCharset tells the metas that only describe; any http-equiv could navigate.
func isCharset(n *html.Node) bool {
	for _, a := range n.Attr {
		if a.Key == "http-equiv" {
			return false
		}
	}
	return true
}

func cleanAttributes(n *html.Node) {
	out := n.Attr[:0]
	for _, a := range n.Attr {
		value := strings.TrimSpace(a.Val)
		switch {
		case a.Namespace != "":
		case a.Key == "href" && n.DataAtom == atom.A:
			if hasScheme(value, "https:", "http:", "mailto:", "tel:") {
				out = append(out, a)
			}
		case a.Key == "src" && n.DataAtom == atom.Img:
			if hasScheme(value, "https:", "http:", "data:image/png", "data:image/jpeg", "data:image/gif", "data:image/webp") {
				out = append(out, a)
			}
		case slices.Contains(keptAttributes, a.Key):
			if a.Key != "style" || !risky(value) {
				out = append(out, a)
			}
		}
	}
	if n.DataAtom == atom.A {
		out = append(out, html.Attribute{Key: "target", Val: "_blank"}, html.Attribute{Key: "rel", Val: "noopener noreferrer nofollow"})
	}
	n.Attr = out
}

func hasScheme(url string, schemes ...string) bool {
	lower := strings.ToLower(url)
	return slices.ContainsFunc(schemes, func(s string) bool { return strings.HasPrefix(lower, s) })
}

// risky finds old browsers' ways of running code from a style.
func risky(style string) bool {
	lower := strings.ToLower(style)
	return strings.Contains(lower, "expression(") || strings.Contains(lower, "javascript:") || strings.Contains(lower, "behavior:") || strings.Contains(lower, "-moz-binding")
}
