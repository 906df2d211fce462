package api

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"enishi"
)

const (
	holidaysLook = time.Hour
	// holidaysAhead is how long before the table of national holidays ends somebody is told. The Cabinet Office publishes a year's in
	// the February before, so a program that is kept up to date never comes near.
	holidaysAhead = 60 * 24 * time.Hour
)

// checkHolidays tells somebody, once for each end of the table, that days after it are taken for ordinary ones.
func (a *API) checkHolidays(ctx context.Context) error {
	end, now := a.journeySettings().HolidaysEnd(), a.now()
	if now.Add(holidaysAhead).Before(end) {
		return nil
	}
	day := end.Format(time.DateOnly)
	return a.raiseOnce(ctx, enishi.Alert{ID: enishi.NewID("alert", "holidays", day), Kind: "holidays", Severity: "warning", At: now,
		Text:   "The table of national holidays ends on " + day + ": later ones are taken for ordinary days. Update Enishi, or add them to the settings of journeys (calendar.holidays).",
		TextJA: "祝日の表は " + strconv.Itoa(end.Year()) + " 年 " + strconv.Itoa(int(end.Month())) + " 月 " + strconv.Itoa(end.Day()) + " 日で終わり、以降の祝日は平日として扱われます。Enishi を更新するか、ジャーニーの設定（calendar.holidays）に追加してください。"})
}

// raiseOnce stores an alert unless it was raised before, also when somebody closed it.
func (a *API) raiseOnce(ctx context.Context, x enishi.Alert) error {
	var known uint64
	if err := a.one(ctx, "SELECT count() FROM alerts WHERE id = "+idLiteral(x.ID), nil, &known); err != nil && !errors.Is(err, errNoRow) {
		return fmt.Errorf("read alerts: %w", err)
	}
	if known > 0 {
		return nil
	}
	return a.storeAlert(ctx, x)
}
