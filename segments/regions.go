package segments

import (
	"maps"
	"slices"
	"strings"
)

// regions are the eight regions of Japan and their prefectures.
func regions() [8][]string {
	return [8][]string{
		{"北海道", "北海道"},
		{"東北", "青森県", "岩手県", "宮城県", "秋田県", "山形県", "福島県"},
		{"関東", "茨城県", "栃木県", "群馬県", "埼玉県", "千葉県", "東京都", "神奈川県"},
		{"中部", "新潟県", "富山県", "石川県", "福井県", "山梨県", "長野県", "岐阜県", "静岡県", "愛知県"},
		{"近畿", "三重県", "滋賀県", "京都府", "大阪府", "兵庫県", "奈良県", "和歌山県"},
		{"中国", "鳥取県", "島根県", "岡山県", "広島県", "山口県"},
		{"四国", "徳島県", "香川県", "愛媛県", "高知県"},
		{"九州", "福岡県", "佐賀県", "長崎県", "熊本県", "大分県", "宮崎県", "鹿児島県", "沖縄県"},
	}
}

// Prefectures are the 47, from north to south, as they are written in an address (東京都).
func Prefectures() (all []string) {
	for _, r := range regions() {
		all = append(all, r[1:]...)
	}
	return all
}

// regionsByPrefecture knows a prefecture with and without 都, 府, 県.
func regionsByPrefecture() map[string]string {
	all := map[string]string{}
	for _, r := range regions() {
		for _, p := range r[1:] {
			all[p] = r[0]
			for _, suffix := range []string{"都", "府", "県"} {
				if short, ok := strings.CutSuffix(p, suffix); ok {
					all[short] = r[0]
				}
			}
		}
	}
	return all
}

// regionField is a text made of the prefecture.
func regionField() *Field {
	of := regionsByPrefecture()
	return textField("region", "Region", "地方", func(v *view, _ int) string { return of[traitText(v.Traits["prefecture"])] })
}

func regionSQL() string {
	of := regionsByPrefecture()
	names := slices.Sorted(maps.Keys(of))
	regions := make([]string, len(names))
	for i, p := range names {
		names[i], regions[i] = "'"+p+"'", "'"+of[p]+"'"
	}
	return "transform(toString(prefecture), [" + strings.Join(names, ", ") + "], [" + strings.Join(regions, ", ") + "], '')"
}
