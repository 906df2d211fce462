package segments

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"enishi"
)

// Library finds the expression of another segment by its name, for in_segment.
type Library func(name string) (expression string, ok bool)

// Compile is [Compile] for an expression that may name other segments. Their conditions are taken in as the library has them
// now: when one changes, who uses it is compiled anew.
func (l Library) Compile(name string, version int64, body []byte) (*Segment, error) {
	b, err := ParseBody(body)
	if err != nil {
		return nil, err
	}
	inc := &inclusion{find: l, path: []string{name}, roots: map[string]*node{}, uses: map[string]string{}}
	root, tree, err := checkWith(b.Expression, inc)
	if err != nil {
		var e *enishi.Error
		if errors.As(err, &e) {
			e.Field = "expression"
		}
		return nil, err
	}
	s := &Segment{Name: name, Version: version, Body: b, root: root, tree: tree, uses: inc.uses, match: testOf(root)}
	if root.timed {
		s.verdict = verdictOf(root)
	}
	return s, nil
}

// Uses are the segments whose conditions are part of this one's, also by way of others; by name.
func (s *Segment) Uses() []string { return slices.Sorted(maps.Keys(s.uses)) }

// maxPath is how many segments may name each other in a row.
const maxPath = 10

// inclusion is how far an expression has taken in others.
type inclusion struct {
	find  Library
	path  []string          // from the outermost segment to the one that is being read
	parts int               // that this expression took in
	roots map[string]*node  // of all that were read
	uses  map[string]string // their expressions
}

func (c *typing) inSegment(t *ast.CallNode) (*node, error) {
	name, err := c.text1(t, `in_segment("vip")`)
	if err != nil {
		return nil, err
	}
	at, inc := t.Arguments[0].Location(), c.including
	switch {
	case c.in != nil:
		return nil, c.fail(t.Location(), "in_segment is about the person and cannot stand inside the condition of a list: join it by &&", "in_segment は人についての条件なので、リストの条件の中には書けません。リストの外に && でつないでください")
	case inc == nil || inc.find == nil:
		return nil, c.fail(t.Location(), "in_segment is known in the expressions of segments only: repeat the other segment's condition here", "in_segment はセグメントの条件式でだけ使えます。もう一方のセグメントの条件をここに書いてください")
	case slices.Contains(inc.path, name):
		round := strings.Join(append(slices.Clone(inc.path[slices.Index(inc.path, name):]), name), " → ")
		return nil, c.fail(at, "a segment cannot be a part of itself: %s", "セグメントが自分自身を含んでいます: %s", round)
	}
	if len(inc.path) > maxPath {
		return nil, c.fail(at, "more than %d segments name each other in a row", "セグメントの参照が %d 段を超えています", maxPath)
	}
	root := inc.roots[name]
	if root == nil {
		text, ok := inc.find(name)
		if !ok {
			return nil, c.fail(at, "there is no segment %q: write the name of one that is there, or make it first", "「%s」というセグメントはありません。既存のセグメントの内部名を書くか、先に作成してください", name)
		}
		inner := &inclusion{find: inc.find, path: append(slices.Clone(inc.path), name), roots: inc.roots, uses: inc.uses}
		if root, _, err = checkWith(text, inner); err != nil {
			return nil, c.notIncluded(t, name, err)
		}
		inc.roots[name], inc.uses[name] = root, text
	}
	if inc.parts += root.parts(); inc.parts > maxNodes {
		return nil, c.fail(at, "with the conditions of the segments it names the expression has more than %d parts", "参照しているセグメントの条件を合わせると、式の要素が多すぎます（上限 %d）", maxNodes)
	}
	own := *root
	own.at = t.Location()
	return &own, nil
}

// notIncluded says at the name what is wrong with the other segment.
func (c *typing) notIncluded(t *ast.CallNode, name string, err error) error {
	var e *enishi.Error
	if !errors.As(err, &e) {
		return err
	}
	return c.fail(t.Arguments[0].Location(), "the segment %[1]s cannot be used: %[2]s", "セグメント「%[1]s」は使えません: %[3]s", name, e.Msg, e.MsgJA)
}

// parts counts the nodes of a tree.
func (n *node) parts() int {
	if n == nil {
		return 0
	}
	count := 1 + n.where.parts()
	for _, a := range n.args {
		count += a.parts()
	}
	return count
}

// Check is [Check] for an expression that may name other segments.
func (l Library) Check(expression string) error {
	_, _, err := checkWith(expression, &inclusion{find: l, path: []string{""}, roots: map[string]*node{}, uses: map[string]string{}})
	return err
}

// included takes in again what the segment was compiled with.
func (s *Segment) included() *inclusion {
	find := func(name string) (string, bool) { text, ok := s.uses[name]; return text, ok }
	return &inclusion{find: find, path: []string{s.Name}, roots: map[string]*node{}, uses: map[string]string{}}
}
