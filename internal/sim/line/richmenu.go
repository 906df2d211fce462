package line

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
)

// richMenu is one menu; it can be linked once it has a picture.
type richMenu struct {
	id    string
	body  map[string]any
	image bool
}

func (s *Server) createRichMenu(c *call) *answer {
	var o object
	if err := json.Unmarshal(c.body, &o); err != nil {
		return unparsable(c.body, err)
	}
	check, root, l := check{limits: &s.limits}, where{}, &s.limits
	check.text(o, root, "name", l.RichMenuName, true)
	check.text(o, root, "chatBarText", l.RichMenuBar, true)
	check.required(o, root, "selected")
	if size, ok := check.child(o, root, "size"); ok {
		w, wide := check.number(size, root.key("size"), "width", 800, 2500)
		h, high := check.number(size, root.key("size"), "height", 250, 1<<20)
		if wide && high && w/h < 1.45 {
			check.add(root.key("size"), "the width must be 1.45 times the height or more")
		}
	}
	for i, raw := range check.list(o, root, "areas", 0, l.RichMenuAreas) {
		at := root.key("areas").at(i)
		area, ok := check.object(raw, at)
		if !ok {
			continue
		}
		if b, ok := check.child(area, at, "bounds"); ok {
			for _, k := range []string{"x", "y"} {
				check.number(b, at.key("bounds"), k, 0, 1<<31-1)
			}
			for _, k := range []string{"width", "height"} {
				check.number(b, at.key("bounds"), k, 1, 1<<31-1)
			}
		}
		if check.required(area, at, "action") {
			check.action(area["action"], at.key("action"), labelRule{l.ActionLabel, false}, false)
		}
	}
	if len(check.errs) > 0 {
		return bodyErrors(check.errs)
	}
	m := &richMenu{id: fmt.Sprintf("richmenu-%x", s.random(16))}
	_ = json.Unmarshal(c.body, &m.body) // checked above
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.menus) >= s.limits.RichMenus {
		return refuse(http.StatusBadRequest, "The number of rich menus has reached its limit")
	}
	s.menus[m.id] = m
	return ok(map[string]string{"richMenuId": m.id})
}

// menu finds a rich menu. The caller holds mu.
func (s *Server) menu(id string) (*richMenu, *answer) {
	if m := s.menus[id]; m != nil {
		return m, nil
	}
	return nil, refuse(http.StatusNotFound, "richmenu not found")
}

func (s *Server) richMenuImage(c *call) *answer {
	if len(c.body) > s.limits.RichMenuImage {
		return refuse(http.StatusRequestEntityTooLarge, "Payload Too Large")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m, a := s.menu(c.userID)
	switch {
	case a != nil:
		return a
	case m.image:
		return refuse(http.StatusBadRequest, "An image has already been uploaded to the richmenu")
	case len(c.body) == 0:
		return refuse(http.StatusBadRequest, "The image is empty")
	}
	m.image = true
	return ok(struct{}{})
}

func (s *Server) deleteRichMenu(c *call) *answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, a := s.menu(c.userID); a != nil {
		return a
	}
	delete(s.menus, c.userID)
	for user, id := range s.linked {
		if id == c.userID {
			delete(s.linked, user)
		}
	}
	if s.everybody == c.userID {
		s.everybody = ""
	}
	return ok(struct{}{})
}

func (s *Server) listRichMenus() *answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []map[string]any{}
	for id, m := range s.menus {
		x := map[string]any{"richMenuId": id}
		for k, v := range m.body {
			x[k] = v
		}
		out = append(out, x)
	}
	return ok(map[string]any{"richmenus": out})
}

func (s *Server) defaultRichMenu(c *call) *answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.endpoint == "richmenu/nodefault" {
		s.everybody = ""
		return ok(struct{}{})
	}
	m, a := s.menu(c.userID)
	if a == nil && !m.image {
		a = refuse(http.StatusBadRequest, "must upload richmenu image before applying it to user")
	}
	if a != nil {
		return a
	}
	s.everybody = m.id
	return ok(struct{}{})
}

func (s *Server) linkRichMenu(c *call) *answer {
	var o object
	if err := json.Unmarshal(c.body, &o); err != nil {
		return unparsable(c.body, err)
	}
	check, root := check{limits: &s.limits}, where{}
	users := check.list(o, root, "userIds", 1, s.limits.RichMenuUsers)
	id, _ := check.text(o, root, "richMenuId", 100, c.endpoint == "richmenu/link")
	if len(check.errs) > 0 {
		return bodyErrors(check.errs)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.endpoint == "richmenu/link" {
		m, a := s.menu(id)
		if a == nil && !m.image {
			a = refuse(http.StatusBadRequest, "must upload richmenu image before applying it to user")
		}
		if a != nil {
			return a
		}
	}
	for i, raw := range users {
		var user string
		if json.Unmarshal(raw, &user) != nil || !userIDs.MatchString(user) {
			return badField(fmt.Sprintf("userIds[%d]", i))
		}
		if c.endpoint == "richmenu/link" {
			s.linked[user] = id
		} else {
			delete(s.linked, user)
		}
	}
	return &answer{status: http.StatusAccepted, body: struct{}{}}
}

// batchRichMenus changes everybody at once: link (from one menu to another), unlink and unlinkAll.
func (s *Server) batchRichMenus(c *call) *answer {
	var req struct {
		Operations []struct{ Type, From, To string } `json:"operations"`
	}
	if err := json.Unmarshal(c.body, &req); err != nil {
		return unparsable(c.body, err)
	}
	if len(req.Operations) == 0 || len(req.Operations) > 1000 {
		return badField("'operations'")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, op := range req.Operations {
		if !slices.Contains([]string{"link", "unlink", "unlinkAll"}, op.Type) {
			return badField("'operations'")
		}
		for user, id := range s.linked {
			switch {
			case op.Type == "link" && id == op.From:
				s.linked[user] = op.To
			case op.Type == "unlink" && id == op.From, op.Type == "unlinkAll":
				delete(s.linked, user)
			}
		}
	}
	return &answer{status: http.StatusAccepted, body: struct{}{}}
}

// RichMenu is the name of the menu that a user sees, his own or everybody's; empty: none.
func (s *Server) RichMenu(userID string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.linked[userID]
	if id == "" {
		id = s.everybody
	}
	if m := s.menus[id]; m != nil {
		name, _ := m.body["name"].(string)
		return name
	}
	return ""
}
