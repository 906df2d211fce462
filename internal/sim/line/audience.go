package line

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// audienceGroup is a list of users that narrowcasts can be sent to. Users can
// be added and not taken off.
type audienceGroup struct {
	id    int64
	name  string
	users map[string]bool
	asked bool // its state was asked for: what was uploaded is ready the next time
	at    int64

	failed string // why the last upload came to nothing; empty: it did not
}

// stateOf is an audience as LINE tells it. The caller holds mu.
func (s *Server) stateOf(g *audienceGroup) map[string]any {
	status := "IN_PROGRESS"
	switch {
	case s.cfg.Now().Unix()-g.at >= int64(s.limits.AudienceKept.Seconds()):
		status = "EXPIRED"
	case g.failed != "":
		status = "FAILED"
	case g.asked:
		status = "READY"
	}
	out := g.json(status)
	if g.failed != "" {
		out["failedType"] = g.failed
	}
	return out
}

func (g *audienceGroup) json(status string) map[string]any {
	return map[string]any{"audienceGroupId": g.id, "type": "UPLOAD", "description": g.name, "status": status, "audienceCount": len(g.users), "created": g.at,
		"isIfaAudience": false, "permission": "READ_WRITE", "createRoute": "MESSAGING_API"}
}

// uploadAudience makes an audience of user ids, by JSON or as a file, or adds to one.
func (s *Server) uploadAudience(c *call) *answer {
	var name string
	var id int64
	var users []string
	if c.endpoint == "audience/file" || c.endpoint == "audience/addfile" {
		var a *answer
		if name, id, users, a = s.audienceFile(c); a != nil {
			return a
		}
	} else {
		var req struct {
			ID          int64                 `json:"audienceGroupId"`
			Description string                `json:"description"`
			Audiences   []struct{ ID string } `json:"audiences"`
		}
		if err := json.Unmarshal(c.body, &req); err != nil {
			return unparsable(c.body, err)
		}
		if len(req.Audiences) > s.limits.AudienceUsers {
			return badField("'audiences'")
		}
		name, id = req.Description, req.ID
		for _, x := range req.Audiences {
			if !userIDs.MatchString(x.ID) {
				return badField("'audiences'")
			}
			users = append(users, x.ID)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.endpoint == "audience/add" || c.endpoint == "audience/addfile" {
		g := s.audiences[id]
		if g == nil {
			return refuse(http.StatusBadRequest, "audience group not found")
		}
		if s.stateOf(g)["status"] == "EXPIRED" {
			return refuse(http.StatusBadRequest, "AUDIENCE_GROUP_ALREADY_EXPIRED")
		}
		for _, u := range users {
			g.users[u] = true
		}
		g.asked = false
		return &answer{status: http.StatusAccepted, body: struct{}{}}
	}
	if name == "" || utf16Len(name) > s.limits.AudienceName {
		return badField("'description'")
	}
	if len(s.audiences) >= s.limits.Audiences {
		return refuse(http.StatusBadRequest, "TOO_MANY_AUDIENCE_GROUPS")
	}
	s.lastAudience++
	g := &audienceGroup{id: 4389303728990 + s.lastAudience, name: name, users: make(map[string]bool, len(users)), at: s.cfg.Now().Unix()}
	for _, u := range users {
		g.users[u] = true
	}
	s.audiences[g.id] = g
	return &answer{status: http.StatusAccepted, body: map[string]any{"audienceGroupId": g.id, "type": "UPLOAD", "description": g.name, "created": g.at, "permission": "READ_WRITE",
		"createRoute": "MESSAGING_API", "isIfaAudience": false}}
}

// audienceFile reads an upload of one user id a line.
func (s *Server) audienceFile(c *call) (name string, id int64, users []string, a *answer) {
	_, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil {
		return "", 0, nil, badField("'file'")
	}
	parts := multipart.NewReader(bytes.NewReader(c.body), params["boundary"])
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", 0, nil, badField("'file'")
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return "", 0, nil, badField("'file'")
		}
		switch part.FormName() {
		case "description":
			name = string(content)
		case "audienceGroupId":
			if id, err = strconv.ParseInt(string(content), 10, 64); err != nil {
				return "", 0, nil, badField("'audienceGroupId'")
			}
		case "file":
			lines := bytes.Split(bytes.TrimRight(content, "\n"), []byte{'\n'})
			if len(lines) > s.limits.AudienceFile {
				return "", 0, nil, badField("'file'")
			}
			users = make([]string, len(lines))
			for i, l := range lines {
				if len(l) != 33 || l[0] != 'U' {
					return "", 0, nil, badField("'file'")
				}
				users[i] = string(l)
			}
		}
	}
	if users == nil {
		return "", 0, nil, badField("'file'")
	}
	return name, id, users, nil
}

// listAudiences answers a page of the audiences whose name contains what is asked for, in any case, the newest first.
func (s *Server) listAudiences(c *call) *answer {
	q := c.r.URL.Query()
	page, err := strconv.Atoi(q.Get("page"))
	size := 20
	if text := q.Get("size"); text != "" && err == nil {
		size, err = strconv.Atoi(text)
	}
	if err != nil || page < 1 || size < 1 || size > s.limits.AudiencesPage {
		return badField("'page'")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*audienceGroup
	for _, g := range s.audiences {
		if strings.Contains(strings.ToLower(g.name), strings.ToLower(q.Get("description"))) {
			found = append(found, g)
		}
	}
	slices.SortFunc(found, func(a, b *audienceGroup) int { return cmp.Compare(b.id, a.id) })
	list := []any{}
	for _, g := range found[min((page-1)*size, len(found)):min(page*size, len(found))] {
		list = append(list, s.stateOf(g))
	}
	return ok(map[string]any{"audienceGroups": list, "hasNextPage": page*size < len(found), "totalCount": len(found), "readWriteAudienceGroupTotalCount": len(found), "page": page, "size": size})
}

// FailAudience lets the last upload to an audience fail, as LINE tells it later: INTERNAL_ERROR, AUDIENCE_GROUP_AUDIENCE_INSUFFICIENT ...
func (s *Server) FailAudience(id int64, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.audiences[id]; g != nil {
		g.failed = why
	}
}

// DropAudience deletes an audience as somebody would in the Official Account Manager.
func (s *Server) DropAudience(id int64) { s.mu.Lock(); delete(s.audiences, id); s.mu.Unlock() }

// AudienceIDs are the ids of the audiences.
func (s *Server) AudienceIDs() []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.audiences))
}

// AudienceUsers are the users of an audience; ok is false when there is none.
func (s *Server) AudienceUsers(id int64) (users []string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.audiences[id]
	if g == nil {
		return nil, false
	}
	return slices.Sorted(maps.Keys(g.users)), true
}

// audience answers an audience's state: what was uploaded is in work the first time, and ready from then on.
func (s *Server) audience(c *call) *answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, a := s.audienceOf(c)
	if a != nil {
		return a
	}
	out := s.stateOf(g)
	g.asked = true
	return ok(map[string]any{"audienceGroup": out, "jobs": []any{}})
}

func (s *Server) deleteAudience(c *call) *answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, a := s.audienceOf(c)
	if a != nil {
		return a
	}
	delete(s.audiences, g.id)
	return ok(struct{}{})
}

// audienceOf is the audience of the path. The caller holds mu.
func (s *Server) audienceOf(c *call) (*audienceGroup, *answer) {
	id, err := strconv.ParseInt(c.userID, 10, 64)
	if g := s.audiences[id]; err == nil && g != nil {
		return g, nil
	}
	return nil, refuse(http.StatusNotFound, "audience group not found")
}
