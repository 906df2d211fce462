package api

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestImportHints: a cell that is a mistyped address names its column and what was meant; nothing else does.
func TestImportHints(t *testing.T) {
	t.Parallel()
	got := importHints([]string{"1", "hanako@gmial.com", "hanako@gmail.com", "宛先: a@gmial.com まで", "", "taro@docomo.co.jp"})
	if diff := cmp.Diff([]importHint{{1, "hanako@gmial.com", "hanako@gmail.com"}, {5, "taro@docomo.co.jp", "taro@docomo.ne.jp"}}, got); diff != "" {
		t.Error(diff)
	}
}
