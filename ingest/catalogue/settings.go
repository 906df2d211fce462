package catalogue

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"enishi"
)

// SettingName is the setting that says which changes act.
const SettingName = "catalogue"

// Settings are its body.
type Settings struct {
	PriceDrop  int64 `json:"price_drop"`  // percent that a price has to drop at least; 5
	LowStock   int64 `json:"low_stock"`   // pieces or fewer are few; 5
	Window     int64 `json:"window"`      // hours in which a product is announced once of each kind; 24
	ViewedDays int64 `json:"viewed_days"` // days for which somebody who looked at a product hears of it; 14
}

// ParseSettings reads the body of the setting; what it does not name has its default.
func ParseSettings(body []byte) (Settings, error) {
	s := Settings{PriceDrop: 5, LowStock: 5, Window: 24, ViewedDays: 14}
	if len(body) == 0 {
		return s, nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		name := strings.Trim(strings.TrimPrefix(err.Error(), "json: unknown field "), `"`)
		return s, enishi.FieldError("body.body", "settings of the catalogue are whole numbers named price_drop, low_stock, window and viewed_days: "+name,
			"商品カタログの設定は price_drop・low_stock・window・viewed_days に整数で書いてください（"+name+"）")
	}
	for _, x := range [...]struct {
		field      string
		value      int64
		least, max int64
	}{{"price_drop", s.PriceDrop, 0, 99}, {"low_stock", s.LowStock, 0, 1_000_000}, {"window", s.Window, 1, 24 * 90}, {"viewed_days", s.ViewedDays, 0, 180}} {
		if x.value < x.least || x.value > x.max {
			return s, enishi.FieldError("body.body."+x.field, "is out of its range: see docs/catalogue.md", "範囲外の値です（docs/catalogue.md を参照してください）")
		}
	}
	return s, nil
}

func (s *Settings) window() time.Duration { return time.Duration(s.Window) * time.Hour }
