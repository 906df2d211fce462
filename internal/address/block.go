package address

import (
	"strconv"
	"strings"
)

// block is what the numbered part of an address says: 神宮前1丁目2番3-501号室 コーポ桜 is town 神宮前, numbers 1 2 3, room 501.
type block struct {
	town    string // before the numbers, as written
	numbers []string
	room    string // when the numbers carry it
	rest    string // after the numbers: the building
}

// text is the numbers joined by hyphens.
func (b *block) text() string { return strings.Join(b.numbers, "-") }

// unit is a word that ends a number of an address. The longer stand first.
var units = []string{"丁目", "番地の", "番地", "番の", "番", "地割", "号の", "号", "線", "丁", "の", "ノ", "之"}

// parseBlock finds the numbers of the delivery point in a folded text.
func parseBlock(s string) block {
	rs := []rune(s)
	for i := 0; i < len(rs); {
		n, end, unit := numberAt(rs, i)
		if end == i {
			i++
			continue
		}
		if unit == "" && !digit(rs[i]) { // a kanji numeral that is part of a name: 六本木, 三番町
			i = end
			continue
		}
		if partOfName(rs, i, end) || unit == "番" && !digit(rs[i]) && NumbersFollow(rs[end+1:]) { // 麻布十番5-28-19
			i = end
			continue
		}
		return numbersFrom(rs, i, n)
	}
	return block{town: strings.TrimSpace(s)}
}

// partOfName tells digits that belong to the town: 北3条西4丁目 (the 条), 3番町, 第2東.
func partOfName(rs []rune, i, end int) bool {
	if end < len(rs) && (rs[end] == '条' || rs[end] == '軒' || rs[end] == '区') {
		return true
	}
	return end+1 < len(rs) && rs[end] == '番' && (rs[end+1] == '町' || rs[end+1] == '丁')
}

// NumbersFollow tells whether a text begins with the numbers of a delivery point that are whole by themselves (5-28-19,
// 一丁目2-3): then a number in kanji with 番 before them, the first of the address, belongs to the town's name, as in 麻布十番.
func NumbersFollow(rs []rune) bool {
	end := 0
	for end < len(rs) && (digit(rs[end]) || KanjiNumeral(rs[end]) >= 0) {
		end++
	}
	if end == 0 {
		return false
	}
	return hasAt(rs, end, "丁目") || end+1 < len(rs) && (hyphen(rs[end]) || rs[end] == 'ー') && digit(rs[end+1])
}

// numberAt reads a number at i: digits, or kanji numerals that a unit follows. end == i says there is none; otherwise the unit
// stands at end.
func numberAt(rs []rune, i int) (number string, end int, unit string) {
	number, end, unit = bareNumber(rs, i)
	if end > i && unit == "" && end+1 < len(rs) && rs[end] == ' ' { // 1 番地
		if u := unitAt(rs, end+1); strings.HasPrefix(u, "番") || u == "丁目" || u == "号" {
			return number, end + 1, u
		}
	}
	return number, end, unit
}

func bareNumber(rs []rune, i int) (number string, end int, unit string) {
	end = i
	if digit(rs[i]) {
		for end < len(rs) && digit(rs[end]) {
			end++
		}
		number = strings.TrimLeft(string(rs[i:end]), "0")
		if number == "" {
			number = "0"
		}
		return number, end, unitAt(rs, end)
	}
	for end < len(rs) && KanjiNumeral(rs[end]) >= 0 {
		end++
	}
	if end == i {
		return "", i, ""
	}
	unit = unitAt(rs, end)
	switch unit {
	case "の", "ノ", "之", "線":
		unit = "" // 三の丸, 一之江, 二線: names
	}
	return strconv.Itoa(KanjiNumber(rs[i:end])), end, unit
}

// unitAt is the unit that stands at i and ends a number there, or "".
func unitAt(rs []rune, i int) string {
	for _, u := range units {
		ur := []rune(u)
		if i+len(ur) > len(rs) || string(rs[i:i+len(ur)]) != u {
			continue
		}
		next := rune(0)
		if i+len(ur) < len(rs) {
			next = rs[i+len(ur)]
		}
		number := digit(next) || KanjiNumeral(next) >= 0
		switch u {
		case "番":
			if next == '町' || next == '丁' || next == '館' {
				return ""
			}
		case "号":
			if next == '室' || next == '棟' || next == '館' {
				return ""
			}
		case "丁":
			if next != 0 && next != ' ' && next != '-' && !number {
				return ""
			}
		case "の", "ノ", "之", "番の", "番地の", "号の":
			if !number {
				continue
			}
		}
		return u
	}
	return ""
}

// numbersFrom reads the run of numbers that begins at i.
func numbersFrom(rs []rune, i int, first string) block {
	b := block{town: strings.TrimSpace(string(rs[:i]))}
	last := ""
	for i < len(rs) {
		start := i
		n, end, unit := numberAt(rs, i)
		if end == i || unit == "" && !digit(rs[i]) {
			break
		}
		if hasAt(rs, end, "号室") || hasAt(rs, end, "室") {
			if len(b.numbers) > 0 {
				b.room, i = n, end+len([]rune("室"))
				if hasAt(rs, end, "号室") {
					i = end + 2
				}
				break
			}
		}
		if len(b.numbers) > 0 && last == "号" || end < len(rs) && len(b.numbers) > 0 && (letter(rs[end]) || rs[end] == '階' || rs[end] == '棟' || hasAt(rs, end, "号棟") || hasAt(rs, end, "号館")) {
			i = start // a new word begins: 1-2-3 5F, 1-2-3号 201
			break
		}
		b.numbers = append(b.numbers, n)
		last = unit
		i = end + len([]rune(unit))
		at := i
		for i < len(rs) && (hyphen(rs[i]) || rs[i] == 'ー' || rs[i] == '~') {
			i++
		}
		if i > at || unit != "" && unit != "号" {
			if i == at && i < len(rs) && rs[i] == ' ' && i+1 < len(rs) && digit(rs[i+1]) && (unit == "丁目" || unit == "番") {
				i++ // 1丁目 2番 3号
			}
			if i < len(rs) && numeric(rs, i) {
				continue
			}
			if i > at && i < len(rs) && !(rs[i] == ' ') && !letter(rs[i]) {
				i = at // a hyphen before a name stays with it
			}
		}
		break
	}
	b.rest = strings.Trim(string(rs[min(i, len(rs)):]), " -‐−ー、,/")
	if n := len(b.numbers); n > 3 && b.room == "" {
		b.room, b.numbers = b.numbers[n-1], b.numbers[:n-1]
	}
	return b
}

func numeric(rs []rune, i int) bool {
	n, end, unit := numberAt(rs, i)
	return n != "" && end > i && (digit(rs[i]) || unit != "")
}

func hasAt(rs []rune, i int, s string) bool {
	for _, r := range s {
		if i >= len(rs) || rs[i] != r {
			return false
		}
		i++
	}
	return true
}

// splitRoom takes the room off the end of a building: コーポ桜501号室 is コーポ桜 and 501; a floor stays as 5F.
func splitRoom(s string) (building, room string) {
	s = strings.Trim(s, " -‐−、,/")
	rs := []rune(s)
	end := len(rs)
	suffix := false
	for _, word := range [...]string{"号室", "室", "号"} {
		w := []rune(word)
		if end > len(w) && string(rs[end-len(w):end]) == word {
			end -= len(w)
			suffix = true
			break
		}
	}
	floor := false
	if !suffix && end > 1 && (rs[end-1] == '階' || (rs[end-1] == 'F' || rs[end-1] == 'f') && digit(rs[end-2])) {
		end--
		floor = true
	}
	i := end
	digits := 0
	for i > 0 {
		r := rs[i-1]
		switch {
		case digit(r):
			digits++
		case letter(r) && digits > 0 && !floor && (i < 2 || !letter(rs[i-2])): // B604, 501A
		case letter(r) && i == end && !floor && end > 1 && digit(rs[end-2]):
		case (hyphen(r)) && digits > 0 && i > 1 && (digit(rs[i-2]) || letter(rs[i-2]) && (i < 3 || !letter(rs[i-3]))):
			i--
			continue
		default:
			goto done
		}
		i--
	}
done:
	if digits == 0 {
		return s, ""
	}
	room = strings.ToUpper(strings.Map(func(r rune) rune {
		if hyphen(r) {
			return '-'
		}
		return r
	}, string(rs[i:end])))
	if !floor {
		for len(room) > 1 && room[0] == '0' && digit(rune(room[1])) {
			room = room[1:]
		}
	}
	if room == "" || room[0] == '-' {
		return s, ""
	}
	if floor {
		room += "F"
	}
	return strings.Trim(string(rs[:i]), " -‐−、,/"), room
}
