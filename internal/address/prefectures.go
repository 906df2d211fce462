package address

import "strings"

// prefectures are the 47 in the order of JIS X 0401 (北海道 = 01), with the romaji that foreign shop systems write.
var prefectures = [47][2]string{
	{"北海道", "hokkaido"}, {"青森県", "aomori"}, {"岩手県", "iwate"}, {"宮城県", "miyagi"}, {"秋田県", "akita"}, {"山形県", "yamagata"},
	{"福島県", "fukushima"}, {"茨城県", "ibaraki"}, {"栃木県", "tochigi"}, {"群馬県", "gunma"}, {"埼玉県", "saitama"}, {"千葉県", "chiba"},
	{"東京都", "tokyo"}, {"神奈川県", "kanagawa"}, {"新潟県", "niigata"}, {"富山県", "toyama"}, {"石川県", "ishikawa"}, {"福井県", "fukui"},
	{"山梨県", "yamanashi"}, {"長野県", "nagano"}, {"岐阜県", "gifu"}, {"静岡県", "shizuoka"}, {"愛知県", "aichi"}, {"三重県", "mie"},
	{"滋賀県", "shiga"}, {"京都府", "kyoto"}, {"大阪府", "osaka"}, {"兵庫県", "hyogo"}, {"奈良県", "nara"}, {"和歌山県", "wakayama"},
	{"鳥取県", "tottori"}, {"島根県", "shimane"}, {"岡山県", "okayama"}, {"広島県", "hiroshima"}, {"山口県", "yamaguchi"}, {"徳島県", "tokushima"},
	{"香川県", "kagawa"}, {"愛媛県", "ehime"}, {"高知県", "kochi"}, {"福岡県", "fukuoka"}, {"佐賀県", "saga"}, {"長崎県", "nagasaki"},
	{"熊本県", "kumamoto"}, {"大分県", "oita"}, {"宮崎県", "miyazaki"}, {"鹿児島県", "kagoshima"}, {"沖縄県", "okinawa"},
}

// prefectureOf reads a whole value: 東京都, 東京, Tokyo, Tōkyō, JP-13 or 13. It gives "" for anything else.
func prefectureOf(s string) string {
	if s == "" {
		return ""
	}
	for i := range prefectures {
		p := prefectures[i][0]
		if s == p || i > 0 && s == shortOf(p) {
			return p
		}
	}
	low := strings.ToLower(stripMarks(s))
	low = strings.TrimPrefix(low, "jp-")
	for _, suffix := range []string{"-ken", "-fu", "-to", "-do", " prefecture"} {
		low = strings.TrimSuffix(low, suffix)
	}
	if n, ok := atoi(low); ok && n >= 1 && n <= 47 && len(low) == 2 {
		return prefectures[n-1][0]
	}
	for i := range prefectures {
		if low == prefectures[i][1] {
			return prefectures[i][0]
		}
	}
	return ""
}

// cutPrefecture takes a prefecture off the front of a text. Only the full name counts there: 京都市 is no prefecture.
func cutPrefecture(s string) (prefecture, rest string) {
	for i := range prefectures {
		if rest, ok := strings.CutPrefix(s, prefectures[i][0]); ok {
			return prefectures[i][0], strings.TrimSpace(rest)
		}
	}
	return "", s
}

func shortOf(prefecture string) string {
	for _, suffix := range []string{"都", "府", "県"} {
		if short, ok := strings.CutSuffix(prefecture, suffix); ok {
			return short
		}
	}
	return prefecture
}

// Prefecture reads the prefecture of a whole value (東京, Tokyo, JP-13, 13) or of an address that begins with one. It gives ""
// for anything else.
func Prefecture(s string) string {
	s = fold(s)
	if p := prefectureOf(s); p != "" {
		return p
	}
	p, _ := cutPrefecture(s)
	return p
}
