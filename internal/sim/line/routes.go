package line

import (
	"net/http"
	"path"
	"strings"
	"time"
)

// route is one API function of those whose paths have parts of their own.
type route struct {
	method, pattern, name string
	media                 string // of the body; empty: JSON where there is one
	bare                  bool   // a POST without a body
}

// routes are beyond sending and asking who is who. "*" stands for an id.
func routes() []route {
	return []route{
		{method: "POST", pattern: "/v2/bot/richmenu", name: "richmenu/create"},
		{method: "GET", pattern: "/v2/bot/richmenu/list", name: "richmenu/list"},
		{method: "POST", pattern: "/v2/bot/richmenu/bulk/link", name: "richmenu/link"},
		{method: "POST", pattern: "/v2/bot/richmenu/bulk/unlink", name: "richmenu/unlink"},
		{method: "POST", pattern: "/v2/bot/richmenu/batch", name: "richmenu/batch"},
		{method: "POST", pattern: "/v2/bot/richmenu/*/content", name: "richmenu/content", media: "image/"},
		{method: "DELETE", pattern: "/v2/bot/richmenu/*", name: "richmenu/delete"},
		{method: "POST", pattern: "/v2/bot/user/all/richmenu/*", name: "richmenu/default", bare: true},
		{method: "DELETE", pattern: "/v2/bot/user/all/richmenu", name: "richmenu/nodefault"},
		{method: "POST", pattern: "/v2/bot/coupon", name: "coupon/create"},
		{method: "GET", pattern: "/v2/bot/coupon", name: "coupon/list"},
		{method: "PUT", pattern: "/v2/bot/coupon/*/close", name: "coupon/close", bare: true},
		{method: "POST", pattern: "/v2/bot/audienceGroup/upload", name: "audience/create"},
		{method: "PUT", pattern: "/v2/bot/audienceGroup/upload", name: "audience/add"},
		{method: "POST", pattern: "/v2/bot/audienceGroup/upload/byFile", name: "audience/file", media: "multipart/form-data"},
		{method: "PUT", pattern: "/v2/bot/audienceGroup/upload/byFile", name: "audience/addfile", media: "multipart/form-data"},
		{method: "GET", pattern: "/v2/bot/audienceGroup/list", name: "audience/list"},
		{method: "GET", pattern: "/v2/bot/audienceGroup/*", name: "audience"},
		{method: "DELETE", pattern: "/v2/bot/audienceGroup/*", name: "audience/delete"},
		{method: "POST", pattern: "/v2/bot/message/narrowcast", name: "narrowcast"},
		{method: "GET", pattern: "/v2/bot/message/progress/narrowcast", name: "narrowcast/progress"},
		{method: "POST", pattern: "/bot/pnp/push", name: "pnp"},
	}
}

// routed finds the route of a request; known says that the path is one of another method, at least.
func routed(r *http.Request) (found *route, id string, known bool) {
	for _, x := range routes() {
		ok, _ := path.Match(x.pattern, r.URL.Path)
		if !ok {
			continue
		}
		if known = true; x.method != r.Method {
			continue
		}
		if i := strings.IndexByte(x.pattern, '*'); i >= 0 {
			id, _, _ = strings.Cut(r.URL.Path[i:], "/")
		}
		return &x, id, true
	}
	return nil, "", known
}

// rate is how many calls of an endpoint are allowed in what time.
func (s *Server) rate(endpoint string) (n int, per time.Duration) {
	switch kind, _, _ := strings.Cut(endpoint, "/"); {
	case endpoint == "push":
		return s.limits.PushPerSecond, time.Second
	case endpoint == "multicast":
		return s.limits.MulticastPerSecond, time.Second
	case kind == "insight":
		return s.limits.InsightPerHour, time.Hour
	case endpoint == "richmenu/create" || endpoint == "richmenu/delete":
		return s.limits.RichMenusPerHour, time.Hour
	case endpoint == "richmenu/batch":
		return s.limits.RichMenuBatchesPerHour, time.Hour
	case kind == "audience":
		return s.limits.AudiencesPerMinute, time.Minute
	case endpoint == "narrowcast":
		return s.limits.NarrowcastsPerHour, time.Hour
	}
	return s.limits.OtherPerSecond, time.Second
}

// further answers the calls of routes.
func (s *Server) further(c *call) *answer {
	switch c.endpoint {
	case "richmenu/create":
		return s.createRichMenu(c)
	case "richmenu/content":
		return s.richMenuImage(c)
	case "richmenu/delete":
		return s.deleteRichMenu(c)
	case "richmenu/list":
		return s.listRichMenus()
	case "richmenu/default", "richmenu/nodefault":
		return s.defaultRichMenu(c)
	case "richmenu/link", "richmenu/unlink":
		return s.linkRichMenu(c)
	case "richmenu/batch":
		return s.batchRichMenus(c)
	case "coupon/create":
		return s.createCoupon(c)
	case "coupon/list":
		return s.listCoupons()
	case "coupon/close":
		return s.closeCoupon(c)
	case "audience/create", "audience/file", "audience/add", "audience/addfile":
		return s.uploadAudience(c)
	case "audience/list":
		return s.listAudiences(c)
	case "audience":
		return s.audience(c)
	case "audience/delete":
		return s.deleteAudience(c)
	case "narrowcast":
		return s.narrowcast(c)
	case "narrowcast/progress":
		return s.narrowcastProgress(c)
	}
	return s.notify(c)
}
