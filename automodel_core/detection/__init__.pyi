from automodel_core.detection.annotations import (
    detection_target as detection_target,
    normalised_target as normalised_target,
    padded_target as padded_target,
    panoptic_target as panoptic_target,
    resized_target as resized_target,
)
from automodel_core.detection.boxes import (
    box_area as box_area,
    box_iou as box_iou,
    center_to_corners as center_to_corners,
    corners_to_center as corners_to_center,
    edge_spans as edge_spans,
    enclosing_boxes as enclosing_boxes,
    generalized_box_iou as generalized_box_iou,
    paired_generalized_iou as paired_generalized_iou,
    scale_boxes as scale_boxes,
)
from automodel_core.detection.image_processor import (
    BoxPostProcessing as BoxPostProcessing,
    DetectionImageProcessor as DetectionImageProcessor,
    QueryMaskPostProcessing as QueryMaskPostProcessing,
)
from automodel_core.detection.losses import (
    box_losses as box_losses,
    cardinality_error as cardinality_error,
    class_loss as class_loss,
    cross_entropy_loss as cross_entropy_loss,
    dice_loss as dice_loss,
    focal_loss as focal_loss,
    mask_losses as mask_losses,
    mean_count as mean_count,
    stacked_masks as stacked_masks,
)
from automodel_core.detection.masks.instances import instance_segments as instance_segments
from automodel_core.detection.masks.labels import binary_masks as binary_masks
from automodel_core.detection.masks.post_processing import (
    MaskClassPostProcessing as MaskClassPostProcessing,
)
from automodel_core.detection.masks.processor import (
    MaskClassImageProcessor as MaskClassImageProcessor,
)
from automodel_core.detection.matching import (
    Pairs as Pairs,
    assign as assign,
    box_costs as box_costs,
    cross_entropy_costs as cross_entropy_costs,
    dice_costs as dice_costs,
    focal_costs as focal_costs,
    match as match,
    match_each as match_each,
)
from automodel_core.detection.objects import (
    likely_objects as likely_objects,
    sure_objects as sure_objects,
)
from automodel_core.detection.points import (
    PointSampling as PointSampling,
    sample_at as sample_at,
    sampled_mask_losses as sampled_mask_losses,
)
from automodel_core.detection.polygons import polygons_to_mask as polygons_to_mask
from automodel_core.detection.run_lengths import (
    compressed_counts as compressed_counts,
    mask_to_rle as mask_to_rle,
    rle_to_mask as rle_to_mask,
    segmentation_to_rle as segmentation_to_rle,
)
from automodel_core.detection.segments import (
    SegmentThresholds as SegmentThresholds,
    panoptic_segments as panoptic_segments,
    query_segmentation as query_segmentation,
    segments_of_queries as segments_of_queries,
    with_run_lengths as with_run_lengths,
)
from automodel_core.detection.suppression import (
    keep_best as keep_best,
    keep_best_of_each as keep_best_of_each,
)
