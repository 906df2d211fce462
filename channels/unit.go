package channels

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// jst is the zone of LINE's days and months.
var jst = time.FixedZone("JST", 9*60*60)

// MaxUnits is how many names of units an account may use in a month of Japan; what has a further name is not counted.
const MaxUnits = 1000

// UnitName is the name under which LINE counts who looked at messages: one for each campaign, template, text of those that are
// compared and month of Japan, as ^[a-zA-Z0-9_]{1,30}$. It follows from them, so that whoever reads the statistics knows it.
// The month is that of the decision: a repeat next month has the same name.
func UnitName(journey, template, variant string, decided time.Time) string {
	month := decided.In(jst).Format("200601")
	sum := sha256.Sum256([]byte(journey + "\x00" + template + "\x00" + variant + "\x00" + month))
	return month + "_" + hex.EncodeToString(sum[:10])
}
