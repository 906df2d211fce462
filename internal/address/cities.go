package address

import "strings"

// oddCities are municipalities whose names hold the character that ends a name (市, 区, 町, 村, 郡) before their end, so
// that the plain rule of [cutCity] would cut them short.
var oddCities = []string{
	"四日市市", "廿日市市", "野々市市", "八日市場市", "市川市", "市原市", "町田市", "十日町市", "大町市", "羽村市", "村上市", "村山市", "東村山市",
	"武蔵村山市", "田村市", "大村市", "郡山市", "大和郡山市", "郡上市", "蒲郡市", "小郡市", "余市町", "市貝町", "上市町", "市川町", "市川三郷町", "町野町",
	"玉村町", "村田町", "田村町", "中村区", "村岡町", "北村山郡", "西村山郡", "東村山郡", "余市郡", "高市郡", "西市郡", "下市町", "古市町",
}

// cutCity takes the municipality (渋谷区, 横浜市西区, 足柄下郡箱根町) off the front of a text without a table, and says nothing
// ("") when the front is none.
func cutCity(s string) (city, rest string) {
	for _, odd := range oddCities {
		if strings.HasPrefix(s, odd) {
			if strings.HasSuffix(odd, "郡") {
				if n := upTo(s[len(odd):], 8, '町', '村'); n > 0 {
					return s[:len(odd)+n], s[len(odd)+n:]
				}
				return "", s
			}
			return withWard(s, len(odd), strings.HasSuffix(odd, "市"))
		}
	}
	n := 0
	for i, r := range s {
		if n++; n > 9 || digit(r) || letter(r) || r == ' ' {
			return "", s
		}
		if n == 1 {
			continue
		}
		end := i + len(string(r))
		switch r {
		case '市':
			return withWard(s, end, true)
		case '区':
			return s[:end], s[end:]
		case '郡':
			for _, odd := range [...]string{"玉村町", "上市町", "市貝町", "市川町", "下市町", "余市町", "村田町", "市川三郷町", "大町町"} {
				if strings.HasPrefix(s[end:], odd) {
					return s[:end+len(odd)], s[end+len(odd):]
				}
			}
			if m := upTo(s[end:], 8, '町', '村'); m > 0 {
				return s[:end+m], s[end+m:]
			}
			return "", s
		case '町', '村':
			return s[:end], s[end:]
		}
	}
	return "", s
}

// withWard adds the ward of a designated city (横浜市西区).
func withWard(s string, end int, mayHave bool) (city, rest string) {
	if mayHave && wards[s[:end]] {
		if n := upTo(s[end:], 5, '区'); n > 0 {
			end += n
		}
	}
	return s[:end], s[end:]
}

// wards are the designated cities (政令指定都市): only their addresses go on with a ward.
var wards = func() map[string]bool {
	m := map[string]bool{}
	for _, c := range strings.Fields("札幌市 仙台市 さいたま市 千葉市 横浜市 川崎市 相模原市 新潟市 静岡市 浜松市 名古屋市 京都市 大阪市 堺市 神戸市 岡山市 広島市 北九州市 福岡市 熊本市") {
		m[c] = true
	}
	return m
}()

// upTo is the length in bytes through the first of the characters, which stands within n characters; 0 when none does.
func upTo(s string, n int, ends ...rune) int {
	for i, r := range s {
		if n--; n < 0 || digit(r) || r == ' ' {
			return 0
		}
		for _, e := range ends {
			if r == e && i > 0 {
				return i + len(string(r))
			}
		}
	}
	return 0
}
