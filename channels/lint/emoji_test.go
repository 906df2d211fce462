package lint

import "testing"

func TestWithoutEmoji(t *testing.T) {
	t.Parallel()
	f := func(s, want string) {
		t.Helper()
		if got := WithoutEmoji(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
	f("冬のお手入れ", "冬のお手入れ")
	f("✨ 新作 ✨", "新作")
	f("春の✨ 新作", "春の 新作")
	f("春 ✨ 新作", "春 新作")
	f("一行目 🎁\n二行目", "一行目\n二行目")
	f("家族👨‍👩‍👧で、👍🏽と🇯🇵", "家族で、と")
	f("晴れ☀️ と雪❄️", "晴れ と雪")
	f("1️⃣ 洗う", "1 洗う")
	f("評価★5 ♪ ©2026 ※条件 ①", "評価★5 ♪ ©2026 ※条件 ①")
	f("©️ ™️", "")
	f("✨", "")
	f("क्‍ष 👍", "क्‍ष") // the joiner of a script stays
}
