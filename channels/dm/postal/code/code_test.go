package code

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"enishi"
)

func drawn(t *rapid.T) Code {
	var id enishi.ID
	copy(id[:], rapid.SliceOfN(rapid.Byte(), len(id), len(id)).Draw(t, "send"))
	return New([]byte("key"), id)
}

func TestCode(t *testing.T) {
	t.Parallel()
	var id enishi.ID
	id[0] = 7
	c := New([]byte("key"), id)
	if len(c) != 12 || New([]byte("key"), id) != c || New([]byte("other"), id) == c {
		t.Errorf("%q is not of the send id and the key", c)
	}
	s := c.String()
	wide := strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7F {
			return r + 0xFEE0
		}
		return r
	}, s)
	for _, typed := range []string{s, string(c), strings.ToLower(s), " " + strings.ReplaceAll(s, "-", " ") + "\r\n", wide, "https://shop.example/d/" + string(c) + "?utm_source=dm", "https://shop.example/x/d/" + s + "/"} {
		if got, err := Parse(typed); err != nil || got != c {
			t.Errorf("Parse(%q) = %q %v", typed, got, err)
		}
	}
	for typed, want := range map[string]string{"": "0 characters", string(c) + "2": "13 characters", string(c[:11]) + "O": "never 0, O, 1 or I", "日本": "no character"} {
		if _, err := Parse(typed); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q): %v, want %q", typed, err, want)
		}
	}
}

func TestCheckFindsMistakes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := []byte(drawn(t))
		i, j := rapid.IntRange(0, size-1).Draw(t, "i"), rapid.IntRange(0, size-1).Draw(t, "j")
		if rapid.Bool().Draw(t, "swap") {
			c[i], c[j] = c[j], c[i]
		} else {
			c[i] = alphabet[rapid.IntRange(0, 31).Draw(t, "as")]
		}
		want := Code(c)
		got, err := Parse(string(want))
		if err == nil && got != want {
			t.Fatalf("%q is read as %q", want, got)
		}
		if (err == nil) != drawnAgain(string(want)) {
			t.Fatalf("the check of %q is not the definition's", want)
		}
	})
}

// drawnAgain tells a code whose check character fits by the definition itself, written the slow way.
func drawnAgain(c string) bool {
	sum := byte(0)
	for i := range c[:size-1] {
		p := byte(strings.IndexByte(alphabet, c[i]))
		for range i + 1 {
			p = times2(p)
		}
		sum ^= p
	}
	return alphabet[sum] == c[size-1]
}

func TestEveryMistakeOfOneCode(t *testing.T) {
	t.Parallel()
	right := string(New([]byte("key"), enishi.ID{1, 2, 3}))
	for i := range right {
		for k := range alphabet {
			wrong := right[:i] + alphabet[k:k+1] + right[i+1:]
			if _, err := Parse(wrong); (err == nil) != (wrong == right) {
				t.Errorf("%q for %q: %v", wrong, right, err)
			}
		}
		for j := range i {
			b := []byte(right)
			b[i], b[j] = b[j], b[i]
			if _, err := Parse(string(b)); (err == nil) != (string(b) == right) {
				t.Errorf("%q for %q: %v", b, right, err)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("abcd-efgh-jklm")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := Parse(s)
		if err != nil {
			return
		}
		if again, err := Parse(c.String()); err != nil || again != c {
			t.Fatalf("%q: %q %v", c, again, err)
		}
	})
}
