-- +goose Up

-- Where the person lives, in centimetres from the centre of the Earth; three zeros: not known. They come with the next row of a person.
-- +goose StatementBegin
ALTER TABLE people ADD COLUMN IF NOT EXISTS place_x Int64, ADD COLUMN IF NOT EXISTS place_y Int64, ADD COLUMN IF NOT EXISTS place_z Int64;
-- +goose StatementEnd
