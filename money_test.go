package enishi_test

import (
	"testing"

	"enishi"
)

func TestPrice(t *testing.T) {
	f := func(amount, currency, want string) {
		t.Helper()
		m, err := enishi.ParseAmount(amount)
		if err != nil {
			t.Fatal(err)
		}
		if got := enishi.Price(m, currency); got != want {
			t.Errorf("%s %s: %s, want %s", amount, currency, got, want)
		}
	}
	f("0", "", "¥0")
	f("999", "JPY", "¥999")
	f("1234567", "JPY", "¥1,234,567")
	f("1234.5", "JPY", "¥1,235")
	f("-1200", "JPY", "-¥1,200")
	f("12.3", "USD", "$12.30")
	f("1234.005", "BRL", "R$1,234.01")
	f("5", "CHF", "5.00 CHF")
}
