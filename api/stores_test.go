package api

import (
	"testing"
)

func TestStores(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Config) {})
	store := func(lat, lon any) map[string]any {
		return map[string]any{"definition": map[string]any{"title": map[string]string{"ja": "銀座本店", "en": "Ginza"}, "prefecture": "東京都", "lat": lat, "lon": lon}, "expect": -1}
	}
	w.call(put, "/stores/S01", store(95, 0)).want(422)
	w.call(put, "/stores/S01", store(35.6, nil)).want(422)
	w.call(put, "/stores/a%20b", store(35.6717, 139.765)).want(422)
	near := map[string]any{"title": map[string]string{"ja": "近隣"}, "expression": `distance("S01") < 10`, "expect": 0}
	w.call(put, "/segments/near", near).want(422)
	w.write(put, "/stores/S01", store(35.6717, 139.765))
	w.write(put, "/segments/near", near)
	s := into[storePage](w.call(get, "/stores/S01", nil))
	if !s.Located || len(s.UsedIn) != 1 || s.UsedIn[0] != "near" || s.Title.JA != "銀座本店" || len(s.History) != 1 {
		t.Errorf("the store: %+v", s)
	}
	if all := into[list[StoreRow]](w.call(get, "/stores", nil)); len(all.Items) != 1 || all.Items[0].Name != "S01" {
		t.Errorf("all stores: %+v", all)
	}
	w.call(erase, "/stores/S01", nil).want(409)
	w.write(put, "/definitions/store/S02", map[string]any{"body": map[string]any{"title": map[string]string{"ja": "梅田店"}}, "expect": 0})
	if s := into[storePage](w.call(get, "/stores/S02", nil)); s.Located {
		t.Errorf("a store without coordinates: %+v", s)
	}
	w.call(erase, "/stores/S02", nil).want(200)
	w.call(get, "/stores/S02", nil).want(404)
}
