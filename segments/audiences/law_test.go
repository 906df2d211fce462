package audiences

import "testing"

func TestSensitive(t *testing.T) {
	marked := []string{"blood_type", "体質"}
	for text, want := range map[string]string{
		`traits.skin_trouble == "acne"`:               "skin",
		`any(orders, any(.lines, .category == "妊娠"))`: "pregnancy",
		"信仰のある方":                                      "creed",
		`traits.blood_type == "A"`:                    "marked",
		`traits["体質"] == "x"`:                         "marked",
		`traits['体質'] == "x"`:                         "marked",
		`traits . blood_type == "A"`:                  "marked",
		`traits?.blood_type in ["A"]`:                 "marked",
		"ｱﾄﾋﾟｰの方":                                     "skin",
		"マタニティ用品":                                     "pregnancy",
		`traits.blood_types == "A"`:                   "",
		`ltv >= 10000`:                                "",
		`count(orders) >= 2`:                          "",
		`traits.size == "M"`:                          "",
		"うつわが好きな方":                                    "",
		"優良顧客":                                        "",
	} {
		got := ""
		if f := Sensitive([]string{text}, marked); len(f) > 0 {
			got = f[0].Law
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
