package segments

import (
	"errors"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"enishi"
)

// maxPath is how many segments may name each other in a row.
const maxPath = 10

func (c *typing) inSegment(t *ast.CallNode) (*node, error) {
	name, err := c.text1(t, `in_segment("vip")`)
	if err != nil {
		return nil, err
	}
	at, inc := t.Arguments[0].Location(), c.including
	switch {
	case c.in != nil:
		return nil, c.fail(t.Location(), "in_segment is about the person and cannot stand inside the condition of a list: join it by &&", "in_segment は人についての条件なので、リストの条件の中には書けません。リストの外に && でつないでください")
	case inc.library.Segment == nil:
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
		text, ok := inc.library.Segment(name)
		if !ok {
			return nil, c.fail(at, "there is no segment %q: write the name of one that is there, or make it first", "「%s」というセグメントはありません。既存のセグメントの内部名を書くか、先に作成してください", name)
		}
		inner := &inclusion{library: inc.library, path: append(slices.Clone(inc.path), name), roots: inc.roots, took: inc.took, cuts: inc.cuts}
		if root, _, err = checkWith(text, inner); err != nil {
			return nil, c.notIncluded(t, name, err)
		}
		inc.roots[name], inc.took[Reference{KindSegment, name}] = root, text
	}
	if inc.parts += root.parts(); inc.parts > maxNodes {
		return nil, c.fail(at, "with the conditions of the segments it names the expression has more than %d parts", "参照しているセグメントの条件を合わせると、式の要素が多すぎます（上限 %d）", maxNodes)
	}
	own := *root
	own.at = t.Location()
	return &own, nil
}

func (c *typing) inList(t *ast.CallNode) (*node, error) {
	name, err := c.text1(t, `in_list("fair-2026")`)
	if err != nil {
		return nil, err
	}
	inc := c.including
	if inc.library.List != nil && !inc.library.List(name) {
		return nil, c.fail(t.Arguments[0].Location(), "there is no list %q: write the name of one that is there, or make it first", "「%s」というリストはありません。既存のリストの内部名を書くか、先に作成してください", name)
	}
	inc.took[Reference{KindList, name}] = ""
	f := language().scalar["lists"]
	return &node{op: opHas, kind: Bool, field: f, s: name, inputs: f.Inputs, at: t.Location()}, nil
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
