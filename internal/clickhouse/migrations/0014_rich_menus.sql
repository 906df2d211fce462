-- +goose Up

-- What a rich menu is at LINE: the menu that was made of its newest version, or why none was. The row without a menu is the account's default.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS line_menus
(
    account LowCardinality(String),
    menu String,
    definition Int64,
    rich_menu String,
    problem String,
    at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(at)
ORDER BY (account, menu)
-- +goose StatementEnd

-- Who was given which rich menu of LINE's; an empty one: it was taken away.
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS line_menu_links
(
    account LowCardinality(String),
    line_user String,
    rich_menu LowCardinality(String),
    at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(at)
ORDER BY (account, line_user)
-- +goose StatementEnd
