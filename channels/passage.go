package channels

import (
	"fmt"
	"io"

	"github.com/osteele/liquid/expressions"
	"github.com/osteele/liquid/render"
)

// passage is static text and objects with no tag between them, which is most of a template. It is written without the library,
// which makes a context for each object and copies each text.
type passage []piece

// piece is a static text or an object.
type piece struct {
	text     []byte // nil: an object
	evaluate func(scope) (any, error)
	escape   escaper
	source   string // of the object's expression
	tag      string // that stands for it, for errors
	line     int
}

// scope is where an expression finds its variables: a context of the library, or bindings.
type scope interface {
	Get(name string) any
	Evaluate(expressions.Expression) (any, error)
}

// bindings are the scope of a part that has no tags. Nothing in it changes them.
type bindings struct {
	vars map[string]any
	cfg  *render.Config
}

// Get is a variable, or nil.
func (b bindings) Get(name string) any { return b.vars[name] }

// Evaluate is the value of an expression.
func (b bindings) Evaluate(e expressions.Expression) (any, error) {
	return e.Evaluate(expressions.NewContext(b.vars, b.cfg.Config.Config))
}

// located is an error of an object. It has a path, without which the library would put the place of each block around it in
// the place of this one.
type located struct {
	piece *piece
	err   error
}

// Error is in the library's own form, which clean reads.
func (e *located) Error() string {
	return fmt.Sprintf("Liquid error (line %d): %s in {%% %s %s %%}", e.piece.line, e.err, e.piece.tag, e.piece.source)
}

// Unwrap, Cause, Path and LineNumber are what the library and errors.Is ask.
func (e *located) Unwrap() error { return e.err }

// Cause is the same as Unwrap.
func (e *located) Cause() error { return e.err }

// Path is not empty.
func (e *located) Path() string { return "template" }

// LineNumber counts from 1.
func (e *located) LineNumber() int { return e.piece.line }

// newPiece compiles an object.
func newPiece(escape escaper, source string) (piece, error) {
	evaluate, err := evaluator(source)
	return piece{evaluate: evaluate, escape: escape, source: source}, err
}

// objectPiece compiles the object of an expression on a line; tag names how it is escaped.
func objectPiece(tag, source string, line int) (piece, error) {
	p, err := newPiece(escapers[tag], source)
	p.tag, p.line = tag, line
	if err != nil {
		return piece{}, &located{&p, err}
	}
	return p, nil
}

func (p passage) write(w io.Writer, s scope) error {
	for i := range p {
		x := &p[i]
		if x.text != nil {
			if _, err := w.Write(x.text); err != nil {
				return err
			}
		} else if err := x.write(w, s); err != nil {
			return &located{x, err}
		}
	}
	return nil
}

// write writes the value of an object, escaped.
func (p *piece) write(w io.Writer, s scope) error {
	v, err := p.evaluate(s)
	if err != nil {
		return err
	}
	if v == nil {
		x, _ := s.Get(missingName).(*missing)
		if v, err = x.value(p.source); err != nil {
			return err
		}
	}
	text, err := p.escape(plain(v), v)
	if err != nil {
		return err
	}
	b, _ := s.Get(budgetName).(*budget)
	b.text = append(b.text[:0], text...) // the library's writer would make a copy
	_, err = w.Write(b.text)
	return err
}
