package line

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
)

// audienceGroup is a list of users that narrowcasts can be sent to. Users can
// be added and not taken off.
type audienceGroup struct {
	id    int64
	name  string
	users map[string]bool
	asked bool // its state was asked for: what was uploaded is ready the next time
	at    int64
}

func (g *audienceGroup) json() map[string]any {
	status := "IN_PROGRESS"
	if g.asked {
		status = "READY"
	}
	return map[string]any{"audienceGroupId": g.id, "type": "UPLOAD", "description": g.name, "status": status, "audienceCount": len(g.users), "created": g.at,
		"isIfaAudience": false, "permission": "READ_WRITE", "createRoute": "MESSAGING_API"}
}

// uploadAudience makes an audience of user ids, by JSON or as a file, or adds to one.
func (s *Server) uploadAudience(c *call) *answer {
	var name string
	var id int64
	var users []string
	if c.endpoint == "audience/file" {
		var a *answer
		if name, users, a = s.audienceFile(c); a != nil {
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
	if c.endpoint == "audience/add" {
		g := s.audiences[id]
		if g == nil {
			return refuse(http.StatusBadRequest, "audience group not found")
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
func (s *Server) audienceFile(c *call) (name string, users []string, a *answer) {
	_, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil {
		return "", nil, badField("'file'")
	}
	parts := multipart.NewReader(bytes.NewReader(c.body), params["boundary"])
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", nil, badField("'file'")
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return "", nil, badField("'file'")
		}
		switch part.FormName() {
		case "description":
			name = string(content)
		case "file":
			lines := bytes.Split(bytes.TrimRight(content, "\n"), []byte{'\n'})
			if len(lines) > s.limits.AudienceFile {
				return "", nil, badField("'file'")
			}
			users = make([]string, len(lines))
			for i, l := range lines {
				if len(l) != 33 || l[0] != 'U' {
					return "", nil, badField("'file'")
				}
				users[i] = string(l)
			}
		}
	}
	if users == nil {
		return "", nil, badField("'file'")
	}
	return name, users, nil
}

// audience answers an audience's state: what was uploaded is in work the first time, and ready from then on.
func (s *Server) audience(c *call) *answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, a := s.audienceOf(c)
	if a != nil {
		return a
	}
	out := g.json()
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
