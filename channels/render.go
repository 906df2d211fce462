package channels

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/osteele/liquid/render"

	"enishi"
	"enishi/channels/lint"
	"enishi/internal/definitions"
)

// RendererConfig is what a Renderer needs.
type RendererConfig struct {
	Definitions *definitions.Log                // templates and the setting brand
	BaseURL     string                          // public address under which [Links] answers, e.g. https://cdp.shop.example
	Key         []byte                          // signs links; 32 bytes, as in [LinksConfig]
	Language    string                          // of templates that lack the message's; ja
	Product     func(id string) (Product, bool) // of the catalogue as it is now; nil: there is none
	// Chat is the address that opens a chat with the shop on a platform of social DM (messenger, instagram) and tells it ref; ""
	// when the shop is not there. Nil: it is on none.
	Chat  func(platform, ref string) string
	Brand map[string]any // of what the setting brand does not say: name, address, contact, logo, colour
	Now   func() time.Time
}

// Renderer fills templates in. It is safe for concurrent use.
//
// Variables are those of the message, brand.* (setting brand: see [BrandFields]), links.unsubscribe, links.preferences, links.view and, in what is transactional, links.confirm. What a
// variable without a value gives is the template's rule (missing).
type Renderer struct {
	cfg    RendererConfig
	signer *signer
	engine *render.Config

	mu         sync.Mutex
	templates  map[templateKey]*template
	headlines  map[string]*part // subjects that messages bring along, by their text
	brands     map[string]kit   // by language
	brandAt    int64            // version of the setting; 0: none
	set        *Settings
	settingsAt int64
	words      []lint.List
	wordsAt    int64
}

type templateKey struct {
	name    string
	version int64
}

const maxCompiled = 500

// NewRenderer makes a Renderer.
func NewRenderer(cfg RendererConfig) (*Renderer, error) {
	if cfg.Definitions == nil || len(cfg.Key) < 16 {
		return nil, errors.New("channels: Definitions and a Key of at least 16 bytes are required")
	}
	if u, err := url.Parse(cfg.BaseURL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, enishi.FieldError("base_url", "the public address must be like https://cdp.shop.example", "公開 URL は https://cdp.shop.example のように書いてください")
	}
	cfg.BaseURL = strings.TrimRight(cfg.BaseURL, "/")
	if cfg.Language == "" {
		cfg.Language = "ja"
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Renderer{cfg: cfg, signer: newSigner(cfg.Key), engine: newEngine(), templates: map[templateKey]*template{}, headlines: map[string]*part{}, brandAt: -1, settingsAt: -1}, nil
}

// Render makes what the provider gets. An error that is no [SendError] means that the message can never be made.
func (r *Renderer) Render(ctx context.Context, m *enishi.Message) (*Rendered, error) {
	if m.Channel == WebhookChannel {
		return r.webhook(m)
	}
	t, err := r.templateOf(ctx, m)
	if err != nil {
		return nil, err
	}
	out, err := r.fill(t, m, how{track: true, choice: -1, blanks: m.Purpose == TestPurpose})
	if err == nil && m.Channel == enishi.PostalChannel {
		out.Decided = m
	}
	if errors.Is(err, errOverload) { // the machine's fault, not the template's
		return nil, RetryAfter(err, 0)
	}
	return out, err
}

// Preview makes a message from the body of a template that need not be saved, without tracked links and pixel.
//
// choice is the alternative to show, from 0; -1: the person's own. With blanks, variables without a value give nothing,
// whatever the template says, and are listed in Rendered.Missing.
func (r *Renderer) Preview(body []byte, m *enishi.Message, choice int, blanks bool) (*Rendered, error) {
	t, err := compileTemplate(r.engine, r.block, m.Template, body)
	if err != nil {
		return nil, err
	}
	return r.fill(t, m, how{choice: choice, blanks: blanks})
}

// how says what a rendering is for.
type how struct {
	track  bool // a message that leaves: links are tracked
	choice int  // alternative; -1: the person's own
	blanks bool // variables without a value give nothing
}

// templateOf is what a message is made from: what it brings along, or a saved version.
func (r *Renderer) templateOf(ctx context.Context, m *enishi.Message) (*template, error) {
	if m.Content != "" {
		return compileTemplate(r.engine, r.block, m.Template, []byte(m.Content))
	}
	return r.template(ctx, m.Template, m.TemplateVersion)
}

// template finds a compiled version; 0 is the current one.
func (r *Renderer) template(ctx context.Context, name string, version int64) (*template, error) {
	if version > 0 && r.cfg.Definitions.Next() < version {
		// Decided by a replica that is ahead of us.
		wait, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		if err := r.cfg.Definitions.Wait(wait, version); err != nil {
			return nil, RetryAfter(fmt.Errorf("template %s: version %d has not arrived here: %w", name, version, err), 0)
		}
	}
	var d enishi.Definition
	var ok bool
	if version == 0 {
		d, ok = r.cfg.Definitions.Current("template", name)
	} else {
		r.mu.Lock()
		t := r.templates[templateKey{name, version}]
		r.mu.Unlock()
		if r.current(t) {
			return t, nil
		}
		d, ok = r.cfg.Definitions.Version("template", name, version)
	}
	if !ok || d.Deleted {
		return nil, Parked(fmt.Errorf("there is no version %d of template %s", version, name)).With("", "template")
	}
	key := templateKey{name, d.Version}
	r.mu.Lock()
	t := r.templates[key]
	r.mu.Unlock()
	if r.current(t) {
		return t, nil
	}
	t, err := compileTemplate(r.engine, r.block, name, d.Body)
	if err != nil {
		return nil, fmt.Errorf("template %s: %w", name, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.templates) >= maxCompiled {
		clear(r.templates)
	}
	r.templates[key] = t
	return t, nil
}

// block finds the current version of a shared block.
func (r *Renderer) block(name string) ([]byte, int64, bool) {
	d, ok := r.cfg.Definitions.Current("block", name)
	return d.Body, d.Version, ok
}

// current: t is there, and the shared blocks that it took in are those of now.
func (r *Renderer) current(t *template) bool {
	if t == nil {
		return false
	}
	for name, version := range t.blocks {
		if _, now, _ := r.block(name); now != version {
			return false
		}
	}
	return true
}

// chatPlatforms are the names of links that open a chat.
var chatPlatforms = [...]string{"messenger", "instagram"}

// Address is a path of ours as the world reads it.
func (r *Renderer) Address(path string) string { return r.cfg.BaseURL + path }

// ownPath gives what follows the kind in an address of ours.
func (r *Renderer) ownPath(link, kind string) (string, bool) {
	return strings.CutPrefix(link, r.cfg.BaseURL+"/"+kind+"/")
}

// maxLineURI is the most that an action's uri may have.
const maxLineURI = 1000
