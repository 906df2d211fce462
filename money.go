package enishi

import (
	"strconv"
	"strings"
)

// Amount is a decimal in 1/10,000 of a currency's unit: ¥1,234 is 12,340,000. Never a float.
type Amount int64

// Unit is one whole unit of a currency.
const Unit Amount = 10_000

// Money is an amount of a currency (ISO 4217 code).
type Money struct {
	Amount   Amount `json:"amount" wire:"1"`
	Currency string `json:"currency" wire:"2"`
}

// ParseAmount reads a decimal such as "1234", "-12.5" or "0.0001". It refuses exponents, more than 4 decimals and what
// does not fit 14 digits before the point: a value that would have to be rounded is an error of its producer.
func ParseAmount(s string) (Amount, error) {
	bad := func(why string) (Amount, error) {
		return 0, Errorf(Invalid, "%q is no amount (%s): write a decimal such as 1234 or 12.50", s, why)
	}
	digits, negative := strings.CutPrefix(s, "-")
	whole, frac, point := strings.Cut(digits, ".")
	if whole == "" || (point && frac == "") {
		return bad("a digit is missing")
	}
	if len(frac) > 4 {
		if strings.Trim(frac[4:], "0") != "" {
			return bad("more than 4 decimals")
		}
		frac = frac[:4]
	}
	if len(whole) > 14 {
		return bad("more than 14 digits")
	}
	for _, part := range [2]string{whole, frac} {
		for i := range len(part) {
			if part[i] < '0' || part[i] > '9' {
				return bad("not a plain decimal")
			}
		}
	}
	n, err := strconv.ParseInt(whole+frac+"0000"[len(frac):], 10, 64)
	if err != nil {
		return bad("too large")
	}
	if negative {
		n = -n
	}
	return Amount(n), nil
}

// String is the shortest exact decimal: "1234", "12.5".
func (a Amount) String() string {
	sign := ""
	u := uint64(a)
	if a < 0 {
		sign, u = "-", uint64(-a)
	}
	s := sign + strconv.FormatUint(u/uint64(Unit), 10)
	if frac := u % uint64(Unit); frac != 0 {
		t := strconv.FormatUint(frac+uint64(Unit), 10)[1:]
		s += "." + strings.TrimRight(t, "0")
	}
	return s
}

// MarshalJSON writes a decimal string, as Shopify does: a JSON number would be read as a float by many clients.
func (a Amount) MarshalJSON() ([]byte, error) { return []byte(`"` + a.String() + `"`), nil }

// UnmarshalJSON reads a decimal string or the text of a JSON number; null is zero.
func (a *Amount) UnmarshalJSON(b []byte) error {
	s := string(b)
	if s == "null" || s == `""` {
		return nil
	}
	if len(s) >= 2 && s[0] == '"' {
		s = s[1 : len(s)-1]
	}
	v, err := ParseAmount(s)
	if err == nil {
		*a = v
	}
	return err
}

// Float is for charts and ratios only, never for sums.
func (a Amount) Float() float64 { return float64(a) / float64(Unit) }

// signs of currencies that people write before the number; any other code stands behind it.
var signs = map[string]string{"": "¥", "JPY": "¥", "USD": "$", "EUR": "€", "GBP": "£", "BRL": "R$", "KRW": "₩", "TWD": "NT$"}

// Price is an amount as people read it: ¥12,345, $12.30. Yen and won have no decimals, the rest two; what is beyond is
// rounded half away from zero for reading.
func Price(m Amount, currency string) string {
	decimals := 2
	if currency == "" || currency == "JPY" || currency == "KRW" {
		decimals = 0
	}
	unit := int64(Unit)
	if decimals == 2 {
		unit /= 100
	}
	n, minus := int64(m), ""
	if n < 0 {
		n, minus = -n, "-"
	}
	n = (n + unit/2) / unit
	whole, frac := n, ""
	if decimals == 2 {
		whole = n / 100
		frac = "." + string([]byte{byte('0' + n/10%10), byte('0' + n%10)})
	}
	text := minus + grouped(whole) + frac
	if sign, ok := signs[currency]; ok {
		return minus + sign + strings.TrimPrefix(text, "-")
	}
	return text + " " + currency
}

// grouped writes thousands with commas.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
