import { createTheme, rem, type MantineColorsTuple } from "@mantine/core";

// One accent: the red of a tied cord (縁). Its shade 7 on white and 4 on the dark ground have more than 4.5:1.
const enji: MantineColorsTuple = ["#fbeff0", "#f3dcde", "#e6b8bc", "#d89197", "#cd7078", "#c55c65", "#b54c55", "#9c3d44", "#84333a", "#6d282f"];

export const fonts = `"Noto Sans JP", "Noto Sans CJK JP", "Hiragino Sans", "Yu Gothic UI", Meiryo, sans-serif`;

export const theme = createTheme({
  primaryColor: "enji",
  primaryShade: { light: 7, dark: 5 },
  colors: { enji },
  fontFamily: fonts,
  headings: { fontFamily: fonts, fontWeight: "700", sizes: { h1: { fontSize: rem(22) }, h2: { fontSize: rem(17) }, h3: { fontSize: rem(15) } } },
  lineHeights: { md: "1.7" },
  defaultRadius: rem(8),
  spacing: { xs: rem(4), sm: rem(8), md: rem(12), lg: rem(16), xl: rem(24) },
  cursorType: "pointer",
});
