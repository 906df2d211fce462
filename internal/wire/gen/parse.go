package main

import (
	"fmt"

	"enishi/internal/wire"
)

// A parse method walks over s with i; a read that fails sets it to -1, which the end of the loop's body sees. at is
// the start of the field for the error.
func (e *emitter) parseMethod(r *record) {
	e.last = 0
	e.p("\n// ParseWire replaces *x by what s encodes; strings are substrings of s.")
	e.p("func (x *%s) ParseWire(s string) error {", r.name)
	e.p("*x = %s{}", r.name)
	e.p("for i := 0; i < len(s); {")
	e.p("at := i")
	e.p("tag := uint64(s[i])")
	e.p("if i++; tag >= 0x80 {\ntag, i = wire.Uvarint(s, at)\n}")
	e.p("switch tag {")
	in := input{e: e, src: "s", pos: "i", name: e.pkg + "." + r.name}
	for _, f := range r.fields {
		e.p("case %d<<3 | %d: // %s", f.number, tagOf(f)&7, f.name)
		dst := "x." + f.name
		if f.codec.shape == boolean {
			e.p("%s = true", dst)
			continue
		}
		in.field(f.codec, dst)
	}
	e.p("default:\ni = wire.Skip(s, i, tag)\n}")
	e.p("if i < 0 {\n%s\n}\n}", in.corrupt())
	e.p("return nil\n}")
}

// input is where a value is read from: a string and a position in it.
type input struct {
	e        *emitter
	src, pos string
	base     string // offset of src in the whole, "" for zero
	name     string // of the type, for errors
	nested   bool   // not directly in the field loop: a failed read must be seen at once
}

func (in input) corrupt() string { return fmt.Sprintf("return wire.Corrupt(%q, at)", in.name) }

// check leaves the method if the read before it failed.
func (in input) check() { in.e.p("if %s < 0 {\n%s\n}", in.pos, in.corrupt()) }

// fail ends a read whose condition bad holds.
func (in input) fail(bad string) {
	if in.nested {
		in.e.p("if %s {\n%s\n}", bad, in.corrupt())
	} else {
		in.e.p("if %s {\ni = -1\n}", bad)
	}
}

// field reads the payload of a field: an array of another length than 16 has its length before it.
func (in input) field(c *codec, dst string) {
	e := in.e
	switch {
	case c.shape == pointer:
		n := e.fresh()
		e.p("v%d := new(%s)", n, c.elem.name)
		v := fmt.Sprintf("v%d", n)
		if c.elem.shape != message {
			v = "(*" + v + ")"
		}
		in.field(c.elem, v)
		e.p("%s = v%d", dst, n)
	case c.shape == array && c.n != 16:
		n := e.fresh()
		e.p("var p%d string", n)
		e.p("p%d, i = wire.Content(s, i)", n)
		in.fail(fmt.Sprintf("copy(%s[:], p%d) != %d || len(p%d) != %d", dst, n, c.n, n, c.n))
	default:
		in.elem(c, dst)
	}
}

// elem reads a value without a tag.
func (in input) elem(c *codec, dst string) {
	e := in.e
	switch c.shape {
	case text:
		if c.plain {
			e.p("%s, %s = wire.Content(%s, %s)", dst, in.pos, in.src, in.pos)
		} else {
			n := e.fresh()
			e.p("var p%d string", n)
			e.p("p%d, %s = wire.Content(%s, %s)", n, in.pos, in.src, in.pos)
			e.p("%s = %s(p%d)", dst, c.name, n)
		}
		if in.nested {
			in.check()
		}
	case blob:
		p, _ := in.content()
		e.p("%s = append(%s(nil), %s...)", dst, c.name, p) // nil when empty
	case array:
		n := e.fresh()
		e.p("var p%d string", n)
		e.p("p%d, %s = wire.Raw(%s, %s, %d)", n, in.pos, in.src, in.pos, c.n)
		if in.nested {
			in.check()
		}
		e.p("copy(%s[:], p%d)", dst, n)
	case message:
		p, base := in.content()
		e.p("if err := %s.ParseWire(%s); err != nil {\nreturn wire.Nested(err, %q, %s)\n}", dst, p, in.name, base)
	case pointer:
		e.p("%s = new(%s)", dst, c.elem.name)
		in.elem(c.elem, dst)
	case list:
		in.list(c, dst)
	case dict:
		in.dict(c, dst)
	default:
		in.number(c, dst)
	}
}

// content reads a length and the content behind it into a new variable.
func (in input) content() (p, base string) {
	n := in.e.fresh()
	in.e.p("var p%d string", n)
	in.e.p("p%d, %s = wire.Content(%s, %s)", n, in.pos, in.src, in.pos)
	in.check()
	base = fmt.Sprintf("%s-len(p%d)", in.pos, n)
	if in.base != "" {
		base = in.base + "+" + base
	}
	return fmt.Sprintf("p%d", n), base
}

// number reads a varint or 8 bytes and refuses what does not fit the type.
func (in input) number(c *codec, dst string) {
	e, n := in.e, in.e.fresh()
	read := "Uvarint"
	if c.kind() == wire.Fixed64 {
		read = "Uint64"
	}
	e.p("var u%d uint64", n)
	e.p("u%d, %s = wire.%s(%s, %s)", n, in.pos, read, in.src, in.pos)
	if in.nested {
		in.check()
	}
	u := fmt.Sprintf("u%d", n)
	switch {
	case c.shape == boolean:
		in.fail(u + " > 1")
		e.p("%s = %s == 1", dst, u)
	case c.shape == instant:
		e.p("%s = wire.Time(%s)", dst, u)
	case c.shape == float:
		e.p("%s = %s", dst, c.from("float64", "math.Float64frombits("+u+")"))
	case c.shape == unsigned:
		e.p("%s = %s", dst, c.from("uint64", u))
		if !c.wide {
			in.fail(fmt.Sprintf("uint64(%s) != %s", dst, u))
		}
	case c.fixed:
		e.p("%s = %s(%s)", dst, c.name, u)
	default:
		e.p("%s = %s", dst, c.from("int64", "wire.Unzigzag("+u+")"))
		if !c.wide {
			in.fail(fmt.Sprintf("wire.Zigzag(int64(%s)) != %s", dst, u))
		}
	}
}

// from converts v, which is of type t, to the type of c.
func (c *codec) from(t, v string) string {
	if c.name == t {
		return v
	}
	return c.name + "(" + v + ")"
}

// list counts the elements, allocates once and reads them.
func (in input) list(c *codec, dst string) {
	e := in.e
	p, base := in.content()
	n := e.fresh()
	inner := input{e: e, src: p, pos: fmt.Sprintf("j%d", n), base: base, name: in.name, nested: true}
	var size int64
	switch {
	case c.elem.shape == array:
		size = c.elem.n
	case c.elem.kind() == wire.Fixed64:
		size = 8
	case c.elem.kind() == wire.Varint:
		e.p("n%d := wire.CountVarints(%s)", n, p)
	default:
		e.p("n%d := wire.Count(%s)", n, p)
		inner.fail(fmt.Sprintf("n%d < 0", n))
	}
	if size > 0 {
		inner.fail(fmt.Sprintf("len(%s)%%%d != 0", p, size))
		e.p("n%d := len(%s) / %d", n, p, size)
	}
	e.p("var l%d %s", n, c.name)
	e.p("if n%d > 0 {\nl%d = make(%s, n%d)\n}", n, n, c.name, n)
	e.p("j%d := 0", n)
	e.p("for k%d := range l%d {", n, n)
	inner.elem(c.elem, fmt.Sprintf("l%d[k%d]", n, n))
	e.p("}")
	if size == 0 && c.elem.kind() == wire.Varint {
		inner.fail(fmt.Sprintf("j%d != len(%s)", n, p))
	}
	e.p("%s = l%d", dst, n)
}

// dict reads keys and values in turn; where both stand behind lengths it counts them first.
func (in input) dict(c *codec, dst string) {
	e := in.e
	p, base := in.content()
	n := e.fresh()
	inner := input{e: e, src: p, pos: fmt.Sprintf("j%d", n), base: base, name: in.name, nested: true}
	size := ""
	if c.elem.shape != array && c.elem.kind() == wire.Bytes {
		e.p("n%d := wire.Count(%s)", n, p)
		inner.fail(fmt.Sprintf("n%d < 0", n))
		size = fmt.Sprintf(", n%d/2", n)
	}
	e.p("var m%d %s", n, c.name)
	e.p("if len(%s) > 0 {\nm%d = make(%s%s)\n}", p, n, c.name, size)
	e.p("for j%d := 0; j%d < len(%s); {", n, n, p)
	e.p("var k%d %s", n, c.key.name)
	e.p("var v%d %s", n, c.elem.name)
	inner.elem(c.key, fmt.Sprintf("k%d", n))
	inner.elem(c.elem, fmt.Sprintf("v%d", n))
	e.p("m%d[k%d] = v%d", n, n, n)
	e.p("}")
	e.p("%s = m%d", dst, n)
}
