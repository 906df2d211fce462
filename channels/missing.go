package channels

import (
	"regexp"
	"slices"
	"strings"
)

// What a variable without a value gives.
const (
	missingRefuse  = "refuse"
	missingBlank   = "blank"
	missingDefault = "default"
)

func isMissing(s string) bool {
	return s == "" || s == missingRefuse || s == missingBlank || s == missingDefault
}

// missingName is where the bindings hold the missing of a rendering; no template can write it.
const missingName = " missing"

// missing answers for variables without a value in one rendering.
type missing struct {
	rule     string
	language string
	defaults map[string]map[string]string
	seen     []string // what was asked for, sorted and once each
	replaced bool     // a name gave way to お客様
}

// names are the variables that stand for a person's name.
var names = []string{"customer.family_name", "customer.given_name", "customer.full_name", "customer.family_name_kana", "customer.given_name_kana", "customer.full_name_kana"}

// value is what stands for an expression that gave nothing.
func (x *missing) value(expression string) (string, error) {
	if x == nil {
		return "", errMissing
	}
	path, _, _ := strings.Cut(expression, "|")
	path = strings.TrimSpace(path)
	if at, found := slices.BinarySearch(x.seen, path); !found {
		x.seen = slices.Insert(x.seen, at, path)
	}
	switch x.rule {
	case missingBlank:
		return "", nil
	case missingDefault:
		if by := x.defaults[path]; by != nil {
			if s, ok := by[x.language]; ok {
				return s, nil
			}
			if s, ok := by["ja"]; ok {
				return s, nil
			}
		}
		if slices.Contains(names, path) {
			x.replaced = true
			return nobody(x.language), nil
		}
	}
	return "", errMissing
}

// nobody is how a person without a name is addressed.
func nobody(language string) string {
	if language == "ja" {
		return "お客様"
	}
	return "Customer"
}

var doubled = regexp.MustCompile(`お客様[\s　]*(様|さま|さん)`)

// once takes the honorific away that follows お客様: 「{{ customer.family_name }} 様」 without a name is お客様, not お客様 様.
func (x *missing) once(s string) string {
	if !x.replaced {
		return s
	}
	return doubled.ReplaceAllString(s, "お客様")
}

// sama is a name with 様, or お客様.
func sama(name string) string {
	if name = strings.TrimSpace(name); name == "" {
		return nobody("ja")
	}
	return name + " 様"
}
