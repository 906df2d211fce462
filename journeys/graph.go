package journeys

import (
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"enishi"
)

// defaultSendBy is how long after it was due a message may still leave.
const defaultSendBy = 24 * time.Hour

// channelNames are the channels a message can go by.
func channelNames() []string { return append(accountChannels(), enishi.NoticeChannel) }

// accountChannels are those of them that have accounts and hours of their own.
func accountChannels() []string { return enishi.MessageChannels() }

// nodeIDs are the ids in order, so that problems and graphs come the same way each time.
func (c *compiler) nodeIDs() []string {
	ids := make([]string, 0, len(c.def.Nodes))
	for id := range c.def.Nodes {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	return ids
}

// NodeTypes are the types of nodes.
func NodeTypes() []string {
	return []string{nodeWait, nodeBranch, nodeSplit, nodeHoldout, nodeMessage, nodeUpdate, nodePoints, nodeWebhook, nodeStart, nodeLeave, nodeGoal, nodeExit}
}

// nodeFields are the fields that a type of node has beside type and title.
func nodeFields(typ string) []string {
	switch typ {
	case nodeWait:
		return []string{"for", "until", "until_event", "until_true", "reset_on", "timeout", "on_timeout", "next"}
	case nodeBranch:
		return []string{"branches", "else"}
	case nodeSplit:
		return []string{"ways"}
	case nodeHoldout:
		return []string{"percent", "next"}
	case nodeMessage:
		return []string{"template", "channels", "templates", "send_by", "subject", "accounts", "next"}
	case nodeUpdate:
		return []string{"set", "clear", "next"}
	case nodePoints:
		return []string{"points", "next"}
	case nodeStart, nodeLeave:
		return []string{"journey", "next"}
	case nodeWebhook:
		return []string{"webhook", "send_by", "timeout", "on_failure", "next"}
	}
	return nil
}

// allNodes checks each node by itself.
func (c *compiler) allNodes() {
	if n := len(c.def.Nodes); n == 0 || n > maxNodes {
		c.problem("nodes", "a journey has 1 to "+itoa(maxNodes)+" nodes", "ステップは 1〜"+itoa(maxNodes)+" 個にしてください")
	}
	for _, id := range c.nodeIDs() {
		d := c.def.Nodes[id]
		if !idPattern.MatchString(id) {
			c.nodeProblem(id, "", "an id has small letters, digits and _ and begins with a letter", "ID は英小文字で始め、英小文字・数字・_ だけにしてください")
		}
		n := &node{Node: d, id: id}
		c.j.nodes[id] = n
		c.node(n)
	}
	if c.def.Start == "" || c.def.Nodes[c.def.Start] == nil {
		c.problem("start", "start must name a node", "start に最初のステップの ID を書いてください")
	}
}

// nodeProblem is a problem of a node or of one of its fields.
func (c *compiler) nodeProblem(id, field, en, ja string) {
	path := "nodes." + id
	if field != "" {
		path += "." + field
	}
	c.problem(path, en, ja)
}

// node checks a node by its type. A new type gets a case here, in [nodeFields], in [node.links] and in the run's step.
func (c *compiler) node(n *node) {
	if n.Title != nil {
		c.title("nodes."+n.id+".title", n.Title)
	}
	c.onlyFields(n)
	switch n.Type {
	case nodeWait:
		c.waitNode(n)
	case nodeBranch:
		c.branchNode(n)
	case nodeSplit:
		c.splitNode(n)
	case nodeHoldout:
		if n.Percent <= 0 || n.Percent > 50 {
			c.nodeProblem(n.id, "percent", "a holdout is above 0 and at most 50 per cent", "割合は 0 より大きく 50 以下（％）にしてください")
		}
	case nodeMessage:
		c.messageNode(n)
	case nodeUpdate:
		c.updateNode(n)
	case nodePoints:
		c.pointsNode(n)
	case nodeStart, nodeLeave:
		if !journeyPattern.MatchString(n.Journey) || n.Journey == c.j.Name {
			c.nodeProblem(n.id, "journey", "name another journey: one cannot start or leave itself", "ほかのジャーニーの内部名を指定してください（自分自身は指定できません）")
		}
	case nodeWebhook:
		c.webhookNode(n)
	case nodeGoal, nodeExit:
	default:
		c.nodeProblem(n.id, "type", strconv.Quote(n.Type)+" is no type of node: use "+strings.Join(NodeTypes(), ", "),
			"「"+n.Type+"」という種類はありません。"+strings.Join(NodeTypes(), "、")+" のどれかにしてください")
	}
	for _, l := range n.links() {
		if l.to == "" && !l.optional {
			c.nodeProblem(n.id, l.field, l.field+" is missing: name the node that comes after", l.field+" がありません。次のステップの ID を書いてください")
		} else if l.to != "" && c.def.Nodes[l.to] == nil {
			c.nodeProblem(n.id, l.field, l.field+" names "+strconv.Quote(l.to)+", which does not exist: name a node of this journey, or add it", l.field+" の「"+l.to+"」というステップはありません。あるステップの ID に直すか、ステップを追加してください")
		}
	}
}

// onlyFields refuses fields of other types of nodes.
func (c *compiler) onlyFields(n *node) {
	if !slices.Contains(NodeTypes(), n.Type) {
		return
	}
	allowed := nodeFields(n.Type)
	prefix := "nodes." + n.id + "."
	var wrong []string
	for path := range c.at {
		field, ok := strings.CutPrefix(path, prefix)
		if !ok || strings.ContainsAny(field, ".[") || field == "type" || field == "title" || slices.Contains(allowed, field) {
			continue
		}
		wrong = append(wrong, field)
	}
	sort.Strings(wrong)
	for _, field := range wrong {
		c.nodeProblem(n.id, field, "a node of type "+n.Type+" has no "+field+": take it out", n.Type+" のステップに "+field+" は使えません。消してください")
	}
}

func (c *compiler) branchNode(n *node) {
	if len(n.Branches) == 0 || len(n.Branches) > maxBranches {
		c.nodeProblem(n.id, "branches", "a branch has 1 to "+itoa(maxBranches)+" conditions", "条件は 1〜"+itoa(maxBranches)+" 個にしてください")
	}
	for i := range n.Branches {
		field := "branches[" + itoa(i) + "].if"
		if n.Branches[i].If == "" {
			c.nodeProblem(n.id, field, "the condition is empty: write one, or take the branch out", "条件が空です。条件を書くか、この分かれ道を消してください")
			continue
		}
		n.branches = append(n.branches, c.expression("nodes."+n.id+"."+field, n.Branches[i].If, !c.def.Entry.eventless()))
	}
}

func (c *compiler) messageNode(n *node) {
	n.sendBy = defaultSendBy
	if n.SendBy != "" {
		n.sendBy = c.duration("nodes."+n.id+".send_by", n.SendBy)
	}
	c.accounts("nodes."+n.id+".", n.Accounts)
	if len(n.Subject) > maxSubject {
		c.nodeProblem(n.id, "subject", "a subject has at most 500 bytes", "件名は 500 バイトまでにしてください")
	}
	if n.Template != "" {
		n.channels = []string{""}
		if len(n.Channels) > 0 || len(n.Templates) > 0 {
			c.nodeProblem(n.id, "template", "use template, or channels with templates", "template か、channels と templates のどちらか一方にしてください")
		}
		return
	}
	if len(n.Channels) == 0 {
		c.nodeProblem(n.id, "", "a message needs a template, or channels with a template for each", "template か、channels と templates を指定してください")
	}
	for i, ch := range n.Channels {
		field := "channels[" + itoa(i) + "]"
		switch {
		case !slices.Contains(channelNames(), ch):
			c.nodeProblem(n.id, field, "there is no channel "+strconv.Quote(ch)+": use "+strings.Join(channelNames(), ", "), "「"+ch+"」というチャネルはありません。"+strings.Join(channelNames(), "、")+" を使ってください")
		case slices.Contains(n.Channels[:i], ch):
			c.nodeProblem(n.id, field, ch+" is named twice: name each channel once", ch+" が二度書かれています。一度だけにしてください")
		case n.Templates[ch] == "":
			c.nodeProblem(n.id, "templates", "the template for "+ch+" is missing: name it in templates", ch+" のテンプレートがありません。templates に書いてください")
		}
	}
	for _, ch := range sortedKeys(n.Templates) {
		if !slices.Contains(n.Channels, ch) {
			c.nodeProblem(n.id, "templates."+ch, ch+" is not among the channels: add it there, or take its template out", ch+" は channels にありません。channels に加えるか、テンプレートを消してください")
		}
	}
	n.channels = n.Channels
	c.noticeNode(n)
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

// link is a way from one node to another.
type link struct {
	field, to string
	optional  bool
}

// links lists the ways out of a node.
func (n *node) links() []link {
	switch n.Type {
	case nodeWait:
		return []link{{"next", n.Next, false}, {"on_timeout", n.OnTimeout, true}}
	case nodeMessage, nodeHoldout, nodeUpdate, nodePoints, nodeStart, nodeLeave:
		return []link{{"next", n.Next, false}}
	case nodeWebhook:
		return []link{{"next", n.Next, false}, {"on_failure", n.OnFailure, true}}
	case nodeSplit:
		var out []link
		for i := range n.Ways {
			out = append(out, link{"ways[" + itoa(i) + "].next", n.Ways[i].Next, false})
		}
		return out
	case nodeBranch:
		var out []link
		for i := range n.Branches {
			out = append(out, link{"branches[" + itoa(i) + "].next", n.Branches[i].Next, false})
		}
		return append(out, link{"else", n.Else, false})
	}
	return nil
}

// graph checks what only the whole shows: every node can be reached, and each loop has a wait. It marks nodes in loops.
func (c *compiler) graph() {
	reached := c.reach(c.def.Start, nil)
	reached[c.def.Start] = true
	for _, id := range c.nodeIDs() {
		if !reached[id] {
			c.nodeProblem(id, "", "no way leads here: let another node lead to it, or delete it", "ここへ来る道がありません。ほかのステップからつなぐか、消してください")
		}
		n := c.j.nodes[id]
		n.loops = c.reach(id, nil)[id]
		if n.loops && n.Type != nodeWait && c.reach(id, func(n *node) bool { return n.Type == nodeWait })[id] {
			c.nodeProblem(id, "", "it lies on a loop without a wait, in which a person would go round without end: put a wait into the loop", "待つステップのない繰り返しの中にあります（終わりなく回り続けます）。繰り返しの中に待つステップを入れてください")
		}
	}
}

// reach is which nodes can be come to from a node, not going on through those that stop says.
func (c *compiler) reach(from string, stop func(*node) bool) map[string]bool {
	seen := map[string]bool{}
	todo := []string{from}
	for len(todo) > 0 {
		n := c.j.nodes[todo[len(todo)-1]]
		todo = todo[:len(todo)-1]
		if stop != nil && stop(n) {
			continue
		}
		for _, l := range n.links() {
			if l.to != "" && !seen[l.to] {
				seen[l.to] = true
				todo = append(todo, l.to)
			}
		}
	}
	return seen
}

// references checks the templates, segments and journeys that the definition names.
func (c *compiler) references(known *References) {
	unknownSegment := func(path, name string) {
		if name != "" && known.Segment != nil && !known.Segment(name) {
			c.problem(path, "there is no segment "+strconv.Quote(name)+": make it first, or name one that is there", "「"+name+"」というセグメントはありません。先に作るか、あるものを指定してください")
		}
	}
	unknownSegment("entry.segment", c.def.Entry.Segment)
	if a := c.def.Entry.Again; a != nil && known.Journey != nil {
		if _, ok := known.Journey(a.Of); !ok {
			c.problem("entry.again.of", "there is no campaign "+strconv.Quote(a.Of)+": name one that was sent", "「"+a.Of+"」という一斉配信はありません。送信済みのものを指定してください")
		}
	}
	for i, name := range c.def.Entry.Exclude {
		unknownSegment("entry.exclude["+itoa(i)+"]", name)
	}
	for i := range c.def.ExitOn {
		unknownSegment("exit_on["+itoa(i)+"].segment", c.def.ExitOn[i].Segment)
	}
	if c.def.Goal != nil {
		unknownSegment("goal.segment", c.def.Goal.Segment)
	}
	for _, id := range c.nodeIDs() {
		n := c.j.nodes[id]
		if n.UntilEvent != nil {
			unknownSegment("nodes."+id+".until_event.segment", n.UntilEvent.Segment)
		}
		if n.ResetOn != nil {
			unknownSegment("nodes."+id+".reset_on.segment", n.ResetOn.Segment)
		}
		if (n.Type == nodeStart || n.Type == nodeLeave) && known.Journey != nil {
			if called, ok := known.Journey(n.Journey); !ok {
				c.nodeProblem(id, "journey", "there is no journey "+strconv.Quote(n.Journey)+": save it first, or name one that is there", "「"+n.Journey+"」というジャーニーはありません。先に保存するか、あるものを指定してください")
			} else if n.Type == nodeStart && !called {
				c.nodeProblem(id, "journey", "the journey "+strconv.Quote(n.Journey)+" may not be started by others: set called in its entry", "ジャーニー「"+n.Journey+"」は、ほかから開始できません。そのジャーニーの開始条件で called を true にしてください")
			}
		}
		if n.Type != nodeMessage || known.Template == nil {
			continue
		}
		for _, ch := range n.channels {
			field, name := "template", n.Template
			if ch != "" {
				field, name = "templates."+ch, n.Templates[ch]
			}
			got, ok := known.Template(name)
			if !ok {
				c.nodeProblem(id, field, "there is no template "+strconv.Quote(name)+": make it first, or name one that is there", "「"+name+"」というテンプレートはありません。先に作るか、あるものを指定してください")
			} else if ch != "" && got != enishi.ParentChannel(ch) {
				c.nodeProblem(id, field, "the template "+strconv.Quote(name)+" is for "+got+", not for "+ch+": choose another one", "テンプレート「"+name+"」は "+got+" 用です（"+ch+" 用ではありません）。別のテンプレートを選んでください")
			}
		}
	}
}
