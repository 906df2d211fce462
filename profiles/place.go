package profiles

import (
	"math"

	"enishi"
)

// Place is a point on the Earth taken as a ball of [EarthRadius], in whole centimetres from its centre: X to 0° north 0° east, Z
// to the north pole. The zero Place is nowhere. In whole numbers a distance is the same for whoever computes it.
type Place struct{ X, Y, Z int64 }

// EarthRadius is the mean radius of the Earth in centimetres (IUGG: 6,371.0088 km).
const EarthRadius = 637_100_880

// PlaceOf is the place of coordinates in degrees; the zero Place when there is no such place.
func PlaceOf(lat, lon float64) Place {
	if !(lat >= -90 && lat <= 90 && lon >= -180 && lon <= 180) { // NaN too
		return Place{}
	}
	sinLat, cosLat := math.Sincos(lat * math.Pi / 180)
	sinLon, cosLon := math.Sincos(lon * math.Pi / 180)
	centimetres := func(x float64) int64 { return int64(math.Round(EarthRadius * x)) }
	return Place{centimetres(cosLat * cosLon), centimetres(cosLat * sinLon), centimetres(sinLat)}
}

// Place is where the person lives, by the traits lat and lon in degrees.
func (v *View) Place() Place {
	lat, lon := v.Traits["lat"], v.Traits["lon"]
	if lat.Kind != enishi.Number || lon.Kind != enishi.Number {
		return Place{}
	}
	return PlaceOf(lat.Number, lon.Number)
}
