package match

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Hashes of the tests, made with sha256sum of coreutils.
const (
	hashTaroGmail  = "500e875041bfda81c4f67bc68f0d75ec996286151e1bdc7afe65d48ca8850e24" // taroyamada@gmail.com
	hashTaroTyped  = "d9392948eb18ff534cfbb98928cbd98c5860fed19f0351920e4b3979ec83de0f" // taro.yamada+shop@gmail.com
	hashHanako     = "637e88906e8be5f5cab0bcd043e0cc8ea1be3a241848401229ae08459e0bdb8a" // hanako@example.co.jp
	hashCarrier    = "ca7ff983dee8fdac583513b886ca728d7066f6f32f670ab9cfb5ddab7249f369" // a..b.@docomo.ne.jp
	hashE164       = "3d06a39d40790f11761295e053029378ae28c4b4f6f301693005e079f3d4ca64" // +819012345678
	hashNoPlus     = "0ad07193350775c6d4377f8b039d32877e66c69a454ed886b05279771c0fca0b" // 819012345678
	hashDomestic   = "9876ccefa1e426aad25916a9cec49e9598bffcd5434d356c7d0c3cd3f0142baa" // 09012345678
	hashSato       = "37585d0da5730cdd01ee132f596f9796990b1f92f4d387ed32fc4c588f435cb4" // 佐藤
	hashTakahashi  = "ac2640253c0bd37b3b00f70c3907f4633ac36e51f9d6df0c8b79e9d8d5ee02ad" // 髙橋
	hashHanakoName = "ebaec6bca086d4bd01fb08ddcd4dd2674313d156445f9435cba5ce02a1422a40" // 花子
	hashZip        = "69dbe1a1f4ad44b334d56ee3f64e1185b831d3d6445b7b980c6fe8cfa39a62e0" // 1000013
	hashJP         = "9732c83e3e03fffde2ee65a9d826df8c4dd623c27fb92b952fe62a02f0726f87" // jp
	hash1990       = "a7be8e1fe282a37cd666e0632b17d933fa13f21addf4798fc0455bc166e2488c" // 1990
	hash04         = "6cd5b6e51936a442b973660c21553dd22bd72ddc8751132a943475288113b4c0" // 04
	hash01         = "938db8c9f82c8cb58d3f3ef4fd250036a48d26a712753d2fde5abd03a85cabf4" // 01
	hashF          = "252f10c83610ebca1a059c0bae8255eba2f95be4d1d7bcfa89d7248a82d9f111" // f
)

// TestPlatforms is one vector for each platform: a person whose name, code and addresses spoil western rules.
func TestPlatforms(t *testing.T) {
	p := &Person{Emails: []string{"taro.yamada+shop@gmail.com", "hanako@example.co.jp", "a..b.@docomo.ne.jp"}, Phones: []string{"+819012345678"},
		Family: "佐藤", Given: "花子 ", Zip: "〒１００-００１３", Customer: "C-1001", Birthday: "1990-04-01", Gender: "female", LINE: "U0123456789abcdef0123456789abcdef"}
	emails := []Key{{Email, hashHanako}, {Email, hashCarrier}, {Email, hashTaroTyped}}
	slices.SortFunc(emails, func(a, b Key) int { return strings.Compare(a.Value, b.Value) })
	google := []Key{{Email, hashHanako}, {Email, hashCarrier}, {Email, hashTaroGmail}}
	slices.SortFunc(google, func(a, b Key) int { return strings.Compare(a.Value, b.Value) })
	for platform, want := range map[string][]Key{
		GoogleAds: append(slices.Clone(google), Key{Phone, hashE164}, Key{Name, hashHanakoName + "|" + hashSato + "|JP|1000013"}),
		MetaAds: append(slices.Clone(emails), Key{Phone, hashNoPlus},
			Key{Name, strings.Join([]string{hashSato, hashHanakoName, hashZip, hashJP, hash1990, hash04, hash01, hashF}, "|")}, Key{Customer, "C-1001"}),
		LINEOA:  {{LINE, "U0123456789abcdef0123456789abcdef"}},
		LINEAds: append(slices.Clone(emails), Key{Phone, hashDomestic}),
		YahooJP: append(slices.Clone(emails), Key{Phone, hashDomestic}),
		TikTok:  append(slices.Clone(emails), Key{Phone, hashE164}),
		X:       append(slices.Clone(emails), Key{Phone, hashE164}, Key{Customer, "C-1001"}),
		Criteo:  emails,
	} {
		r, ok := For(platform)
		if !ok {
			t.Fatalf("%s has no rules", platform)
		}
		if diff := cmp.Diff(want, r.Keys(p, Kinds())); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", platform, diff)
		}
	}
}

func TestValues(t *testing.T) {
	for _, c := range []struct {
		what string
		rule func(string) string
		in   string
		want string
	}{
		{"google keeps dots of others", googleAddress, "a.b+c@example.jp", "a.b+c@example.jp"},
		{"google folds its old domain", googleAddress, "A.B+c@GoogleMail.com", "ab@googlemail.com"},
		{"nothing is left of the local part", googleAddress, "+x@gmail.com", ""},
		{"full width", address, " ＴＡＲＯ＠example.jp", "taro@example.jp"},
		{"no address", address, "taro", ""},
		{"no domain", address, "taro@", ""},
		{"no country", e164, "09012345678", ""},
		{"too short", e164, "+8190", ""},
		{"another country at home", domestic, "+12025550123", ""},
		{"landline", domestic, "+81312345678", "0312345678"},
		{"variant kanji stay", name, "髙橋", "髙橋"},
		{"half-width kana", name, "ｻﾄｳ", "サトウ"},
		{"long vowel stays", name, "サトー", "サトー"},
		{"repeat mark stays", name, "佐々木", "佐々木"},
		{"Latin", name, " O'Brien ", "obrien"},
		{"accents stay", name, "Zoë", "zoë"},
		{"no letters", name, "・・ 1", ""},
	} {
		if got := c.rule(c.in); got != c.want {
			t.Errorf("%s: %q gives %q, want %q", c.what, c.in, got, c.want)
		}
	}
}

// TestLON is the vector in LINE's technical specification of notification messages.
func TestLON(t *testing.T) {
	if got, want := Hash(e164("+818000001234")), "d41e0ad70dddfeb68f149ad6fc61574b9c5780ab7bcb2fba5517771ffbb2409c"; got != want {
		t.Errorf("the hash is %s, LINE's is %s", got, want)
	}
}

func TestNothingIsNoKey(t *testing.T) {
	for platform, r := range rules {
		for _, p := range []*Person{{}, {Emails: []string{"", "@"}, Phones: []string{"", "090"}, Family: "佐藤", Zip: "1000013", Customer: " "}, {Family: "佐藤", Given: "花子", Zip: "100"}} {
			if keys := r.Keys(p, Kinds()); len(keys) != 0 {
				t.Errorf("%s: %+v has keys %v", platform, p, keys)
			}
		}
		if Hash("") != "" {
			t.Error("nothing has a hash")
		}
	}
	if keys := rules[GoogleAds].Keys(&Person{Emails: []string{"a@example.jp"}}, []Kind{Phone}); len(keys) != 0 {
		t.Errorf("a kind that is not wanted left: %v", keys)
	}
}

// TestProperties: whatever a customer wrote, keys are sorted, unique, in the platform's own form, the same twice, and hold nothing readable but
// what is said to be.
func TestProperties(t *testing.T) {
	text := rapid.StringOf(rapid.RuneFrom([]rune("aB.+@ ー－-〒0129０９佐髙々ｻﾞé|'\u3000\n")))
	rapid.Check(t, func(t *rapid.T) {
		p := &Person{Emails: rapid.SliceOfN(text, 0, 3).Draw(t, "emails"), Phones: rapid.SliceOfN(text, 0, 3).Draw(t, "phones"), Family: text.Draw(t, "family"), Given: text.Draw(t, "given"),
			Zip: text.Draw(t, "zip"), Country: rapid.SampledFrom([]string{"", "JP", "us"}).Draw(t, "country"), Birthday: rapid.SampledFrom([]string{"", "1990-04-01", "--04-01", "x"}).Draw(t, "birthday")}
		for platform, r := range rules {
			keys := r.Keys(p, Kinds())
			if !cmp.Equal(keys, r.Keys(p, Kinds())) {
				t.Fatalf("%s: other keys the second time", platform)
			}
			seen := map[Key]bool{}
			for _, k := range keys {
				if seen[k] || !slices.Contains(r.kinds, k.Kind) {
					t.Fatalf("%s: %v stands twice or is not taken there", platform, k)
				}
				seen[k] = true
				parts := strings.Split(k.Value, Separator)
				if k.Kind != Name {
					parts = []string{k.Value}
				}
				for _, part := range parts {
					short := len(part) <= 16 && !strings.ContainsFunc(part, func(r rune) bool { return r >= 0x80 || unicode.IsSpace(r) || unicode.IsLower(r) })
					hashed := len(part) == 64 && strings.Trim(part, "0123456789abcdef") == ""
					if !hashed && !(k.Kind == Name && short) {
						t.Fatalf("%s: %s leaves as %q", platform, k.Kind, part)
					}
				}
			}
		}
	})
}

// TestCountry: Japan however it is written, other countries by their code, and no name key with what is no code.
func TestCountry(t *testing.T) {
	google, _ := For(GoogleAds)
	for country, want := range map[string]string{"": "|JP|1000013", "jp": "|JP|1000013", "日本": "|JP|1000013", "Ｊａｐａｎ": "|JP|1000013", "TW": "|TW|1000013", "台湾": "", "Taiwan": ""} {
		keys := google.Keys(&Person{Family: "佐藤", Given: "花子", Zip: "100-0013", Country: country}, []Kind{Name})
		if want == "" && len(keys) == 0 {
			continue
		}
		if len(keys) != 1 || want == "" || !strings.HasSuffix(keys[0].Value, want) {
			t.Errorf("%q: %v, want one that ends in %q", country, keys, want)
		}
	}
}
