package address

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// fold gives one width to every character (full-width kana, half-width letters and digits), one space, and takes away what
// has no picture. CJK compatibility ideographs (﨑, 神) stay: they are how a name is written.
func fold(s string) string {
	if settled(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	from := 0
	for i, r := range s {
		if r >= 0xF900 && r <= 0xFAFF {
			b.WriteString(norm.NFKC.String(s[from:i]))
			b.WriteRune(r)
			from = i + len(string(r))
		}
	}
	b.WriteString(norm.NFKC.String(s[from:]))
	return spaces(b.String())
}

// settled tells a text that fold leaves as it is, as most are: Han, kana and ASCII, without a space too many.
func settled(s string) bool {
	last := ' '
	for _, r := range s {
		switch {
		case r == ' ':
			if last == ' ' {
				return false
			}
		case r > ' ' && r < 0x7F, r >= 0x4E00 && r <= 0x9FFF, r >= 0x3041 && r <= 0x3096, r >= 0x30A1 && r <= 0x30FE, r == '々':
		default:
			return false
		}
		last = r
	}
	return last != ' ' || s == ""
}

// spaces makes one space of every run of white space and controls, and trims.
func spaces(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	gap := false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			gap = b.Len() > 0
			continue
		case invisible(r):
			continue
		}
		if gap {
			b.WriteByte(' ')
			gap = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

// invisible are zero-width characters and selectors of variants, which no print file can carry.
func invisible(r rune) bool {
	return r >= 0x200B && r <= 0x200F || r == 0x2060 || r == 0xFEFF || r == 0x00AD || r >= 0xFE00 && r <= 0xFE0F || r >= 0xE0100 && r <= 0xE01EF || r >= 0x202A && r <= 0x202E
}

// hyphen tells the many characters that people type for the hyphen between numbers. The long vowel mark ー is one of them
// only beside a digit: the caller looks.
func hyphen(r rune) bool {
	switch r {
	case '-', '‐', '‑', '‒', '–', '—', '―', '−', '－', '─', '━', '﹣', '﹘', '⁃', '˗', '➖':
		return true
	}
	return false
}

func digit(r rune) bool { return r >= '0' && r <= '9' }

func letter(r rune) bool { return r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' }

// stripMarks takes accents off Latin letters: Tōkyō is Tokyo.
func stripMarks(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(s))
}

func atoi(s string) (n int, ok bool) {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' || n > 1e6 {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, s != ""
}

// KanjiNumeral is the value of a digit, or of a power of ten, of a number written in kanji; -1 for any other character.
func KanjiNumeral(r rune) int {
	switch r {
	case '〇', '零':
		return 0
	case '一', '壱':
		return 1
	case '二', '弐':
		return 2
	case '三', '参':
		return 3
	case '四':
		return 4
	case '五':
		return 5
	case '六':
		return 6
	case '七':
		return 7
	case '八':
		return 8
	case '九':
		return 9
	case '十':
		return 10
	case '百':
		return 100
	case '千':
		return 1000
	}
	return -1
}

// KanjiNumber reads the number that a run of kanji numerals writes: 二十三 and 二三 are 23, 十 is 10.
func KanjiNumber(run []rune) int {
	total, digitsSoFar := 0, 0
	for _, r := range run {
		v := KanjiNumeral(r)
		if v < 10 {
			digitsSoFar = digitsSoFar*10 + v
			continue
		}
		total += max(digitsSoFar, 1) * v
		digitsSoFar = 0
	}
	return total + digitsSoFar
}

// variants are characters of names that are one name in two writings: the newer or commoner form of each.
var variants = func() map[rune]rune {
	m := map[rune]rune{}
	for _, group := range strings.Fields(`高髙 崎﨑嵜埼碕 辺邊邉 沢澤 斉斎齊齋 浜濱濵 広廣 国國圀 桜櫻 島嶋嶌 徳德 真眞 竜龍 滝瀧 富冨 恵惠 栄榮 条條 曽曾 渕淵渊 円圓
		宝寶寳 館舘 万萬 与與 来來 寿壽 実實 学學 横橫 黒黑 郷鄕 内內 呉吳 吉𠮷 柳栁桺 桑桒 橋槗𣘺 塚塚 凛凜 昇曻 峰峯 野埜 桧檜 薮藪籔 磯礒 弥彌 関關 鉄鐵 当當
		会會 原𠩤 土𡈽 丈𠀋 静靜 清淸 瀬瀨 満滿 亀龜 剣劍劔 県縣 鶴鸖 薗園 蔵藏 穂穗 稲稻 沼沼 芦蘆 祐祐 神神 福福 祥祥 靖靖 精精 羽羽 隆隆 都都 郎郞 青靑 晴晴
		渡渡 葛葛 渚渚 琢琢 節節 緑綠 戸戶 黄黃 増增 巌巖 仏佛 仙僊 児兒 兎兔 双雙 収收 叙敍 台臺 塩鹽 壮壯 声聲 変變 奥奧 応應 戦戰 晩晩 暁曉 松枩柗 検檢 楽樂 様樣
		歩步 歳歲 気氣 浅淺 湾灣 焼燒 猪猪 珎珍 画畫 秋秌 糸絲 経經 総總 縄繩 聡聰 茎莖 荘莊 蛍螢 覚覺 観觀 豊豐 轟 辻 逸逸 遥遙 釈釋 鋭銳 録錄 霊靈 頼賴 顕顯 飯飯 飼飼
		館館 鴬鶯 麦麥 斎`) {
		rs := []rune(group)
		for _, r := range rs[1:] {
			m[r] = rs[0]
		}
	}
	return m
}()

// Variant gives the common form of a character that is frequent in names in another writing (髙 is 高, 﨑 is 崎); false: it has none.
// The table is our own: the old and new forms of 常用漢字表 and the variants that registries of families have.
func Variant(r rune) (common rune, ok bool) {
	common, ok = variants[r]
	return common, ok
}

// foldName gives two writings of one name (髙橋, 高橋; 渡邉, 渡辺) one form. It is for comparing only, never for printing.
func foldName(s string) string {
	return strings.Map(func(r rune) rune {
		if v, ok := variants[r]; ok {
			return v
		}
		if unicode.IsSpace(r) || r == '・' || r == '･' {
			return -1
		}
		return unicode.ToLower(r)
	}, fold(s))
}

// foldPlace gives two writings of one place name one form: 霞ケ関 and 霞が関, 大字 and 字 or none, 澤 and 沢.
func foldPlace(s string) string {
	s = strings.ReplaceAll(s, "大字", "")
	var b strings.Builder
	for _, r := range s {
		switch r {
		case 'ヶ', 'ケ', 'ｹ', 'が', 'ガ', 'ヵ':
			r = 'ケ'
		case 'ツ', 'ッ', 'っ':
			r = 'つ'
		case '之', 'ノ', 'の', '乃':
			r = 'の'
		case '字', ' ', '-', ',', '、', '・', 'ー':
			continue
		}
		if v, ok := variants[r]; ok {
			r = v
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
