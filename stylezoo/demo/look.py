"""The theme of gradio's components, with system fonts: nothing is downloaded."""

from __future__ import annotations

import gradio as gr


def theme() -> gr.themes.Base:
    """Return a plain theme with light and dark modes."""
    return gr.themes.Base(
        primary_hue=gr.themes.colors.stone,
        secondary_hue=gr.themes.colors.stone,
        neutral_hue=gr.themes.colors.stone,
        radius_size=gr.themes.sizes.radius_sm,
        font=("system-ui", "sans-serif"),
        font_mono=("ui-monospace", "monospace"),
    ).set(
        body_background_fill="#f5f2ec",
        body_background_fill_dark="#1b1a18",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_shadow="none",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        button_primary_background_fill="#2b2723",
        button_primary_background_fill_hover="#4a443d",
        button_primary_text_color="#f9f7f3",
        button_primary_background_fill_dark="#eae4d9",
        button_primary_background_fill_hover_dark="#ffffff",
        button_primary_text_color_dark="#1b1a18",
        checkbox_border_color="#857c70",
        checkbox_border_color_dark="#8b8377",
        checkbox_background_color="#fffdf9",
        checkbox_background_color_dark="#12110f",
        checkbox_background_color_selected="#2b2723",
        checkbox_background_color_selected_dark="#a5482b",
        checkbox_border_color_selected="#2b2723",
        checkbox_border_color_selected_dark="#eae4d9",
        checkbox_label_background_fill="#ece7dd",
        checkbox_label_background_fill_dark="#2f2c28",
        button_secondary_background_fill="#e4ddd0",
        button_secondary_background_fill_hover="#d9d2c5",
        button_secondary_background_fill_dark="#3a3630",
        button_secondary_background_fill_hover_dark="#4a443d",
        block_info_text_color="#6f675c",
        block_info_text_color_dark="#a79f92",
        block_title_text_color="#2b2723",
        block_title_text_color_dark="#eae4d9",
        body_text_color="#2b2723",
        body_text_color_dark="#eae4d9",
        body_text_color_subdued="#6f675c",
        body_text_color_subdued_dark="#a79f92",
        slider_color="#2b2723",
        slider_color_dark="#eae4d9",
    )
