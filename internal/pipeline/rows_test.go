package pipeline

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"enishi"
)

// TestChecksText: the column checks is what encoding/json writes, however many rows there are.
func TestChecksText(t *testing.T) {
	var w checksWriter
	var got, want []string
	for i := range 2000 {
		checks := []enishi.Check{{Name: "template", OK: true, Detail: fmt.Sprint("mail ", i)}, {Name: "consent", Detail: "<\"\u2028\x01縁\xff>"},
			{Name: "hold", OK: i%2 == 0}, {Name: "long", Detail: strings.Repeat("x", i)}}[:1+i%4]
		b, err := json.Marshal(checks)
		if err != nil {
			t.Fatal(err)
		}
		got, want = append(got, w.write(checks)), append(want, string(b))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("%d: %s\nwant %s", i, got[i], want[i])
		}
	}
}

// TestSpare: lists begin empty on blocks that others had, and what a burst took is given up.
func TestSpare(t *testing.T) {
	var free blocks[int]
	fill := func(n int) (l list[int]) {
		for i := range n {
			x := l.add(&free)
			if *x != 0 {
				t.Fatalf("value %d of %d was not cleared: %d", i, n, *x)
			}
			*x = i + 1
		}
		return l
	}
	a, b := fill(blockSize+1), fill(3)
	a.join(&b)
	if a.n != blockSize+4 || len(a.blocks) != 3 || a.blocks[2][2] != 3 {
		t.Fatalf("joined: %d in %d blocks", a.n, len(a.blocks))
	}
	free.give(&a)
	if a.n != 0 || len(free.free) != 3 {
		t.Fatalf("given back: %d, %d blocks", a.n, len(free.free))
	}
	small := fill(2)
	free.give(&small)
	if len(free.free) != 2 {
		t.Errorf("after a small list %d blocks are kept", len(free.free))
	}
	var c buffers[int]
	if b := c.take(10 * blockSize); len(b) != 0 || cap(b) < 10*blockSize {
		t.Errorf("took %d of %d", len(b), cap(b))
	}
	c.next = 0
	if b := c.take(4); cap(b) > 4*blockSize {
		t.Errorf("a buffer of %d is kept for 4 values", cap(b))
	}
}
